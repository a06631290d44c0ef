"""The quick preset of pictures on a machine with a GPU, as the plan has it: no GPU is needed to plan."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bench.plan.ceilings import find_ceilings
from bench.plan.grid import Machine, make_plan
from bench.plan.plan import Plan
from bench.plan.request import Request

BOX = Machine(cuda=True, num_threads=16, cores=16)
CPU = replace(BOX, cuda=False)


def describe(plan: Plan) -> list[tuple[str, object, object, object, bool]]:
    """Return family, workers, pinning, transfer and graph of each configuration."""
    return [
        (
            c.spec.family,
            c.spec.knobs().get("num_workers"),
            c.spec.knobs().get("pin_memory"),
            c.spec.knobs().get("transfer"),
            c.cuda_graph,
        )
        for c in plan.configurations
    ]


def test_a_few_loaders_that_tell_most() -> None:
    """Workers, pinned memory, all usual advice at once, and each family once; the resident one in graphs."""
    plan = make_plan(Request(), BOX)
    assert describe(plan) == [
        ("torch_dataloader", 4, False, "blocking", False),
        ("torch_dataloader", 16, False, "blocking", False),
        ("torch_dataloader", 4, True, "non_blocking", False),
        ("torch_dataloader", 16, True, "non_blocking", False),
        ("batched_dataloader", 0, False, "blocking", False),
        ("device_resident", None, None, None, False),
        ("device_resident", None, None, None, True),
        ("tensor_slice", None, True, "prefetch", False),
    ]
    assert {c.device for c in plan.configurations} == {"cuda"}
    assert set(plan.baselines) == {0}
    assert {c.spec.batch_size for c in plan.configurations} == {256}


def test_the_ceilings_are_the_step_alone_with_and_without_graphs() -> None:
    """Each other ceiling would cost a trial in every block, and bounds none of these."""
    plan = make_plan(Request(), BOX)
    assert [(c.spec.family, c.cuda_graph) for c in find_ceilings(plan)] == [
        ("step_ceiling", False), ("step_ceiling", True),
    ]  # fmt: skip


def test_the_others_are_left_out_with_a_reason() -> None:
    """It names the option that measures them."""
    dropped = dict(make_plan(Request(), BOX).dropped)
    assert set(dropped) == {"memory_map", "stream"}
    assert all("--family memory_map,stream measures them" in reason for reason in dropped.values())
    named = make_plan(Request(family=("memory_map", "stream")), BOX)
    assert {c.spec.family for c in named.configurations} == {"memory_map", "stream"}


def test_a_reader_misses_the_baseline_most_and_graphs_least() -> None:
    """The other families come between, the fastest first, and then the variations of the baseline."""
    plan = make_plan(Request(), BOX)
    assert plan.importance == (0, 5, 7, 4, 1, 2, 3, 6)


@pytest.mark.parametrize(
    "request_",
    [
        Request(knobs={"num_workers": (0, 4)}),
        Request(preset="full", family=("tensor_slice",)),
        Request(single=True),
        Request(aa_pairs=1),
    ],
)
def test_no_configuration_that_was_asked_for_is_left_out(request_) -> None:
    """Only the preset's own choice may be shortened."""
    assert make_plan(request_, BOX).importance == ()


def test_the_cpu_is_ordered_too() -> None:
    """Families come before variations, numbers of workers before other work. All ceilings are measured."""
    plan = make_plan(Request(), CPU)
    families = [plan.configurations[number].spec.family for number in plan.importance]
    assert families[:5] == [
        "torch_dataloader", "memory_map", "tensor_slice", "batched_dataloader", "stream",
    ]  # fmt: skip
    variations = [plan.configurations[number].spec for number in plan.importance[5:]]
    assert [s.num_workers for s in variations[:3]] == [0, 2, 16]
    assert [(s.batch_size, s.resize) for s in variations[3:]] == [(1024, None), (256, 32)]
    assert {c.spec.family for c in find_ceilings(plan)} == {"step_ceiling", "read_ceiling"}


@pytest.mark.parametrize(
    ("cores", "workers"), [(2.0, [4, 0, 2]), (4.0, [4, 0, 2]), (7.5, [4, 0, 2, 7]), (64.0, [4, 0, 2, 16])]
)
def test_many_cores_are_tried(cores, workers) -> None:
    """A machine with more than four cores gets one number of workers more, and never more than 16."""
    plan = make_plan(Request(family=("torch_dataloader",)), replace(CPU, cores=cores))
    found = [c.spec.num_workers for c in plan.configurations]
    assert list(dict.fromkeys(found)) == workers


def test_few_cores_beside_a_gpu() -> None:
    """Fewer workers are tried where there are no cores for more."""
    plan = make_plan(Request(), replace(BOX, cores=4))
    assert [c.spec.num_workers for c in plan.configurations if c.spec.family == "torch_dataloader"] == [
        4, 0, 2, 4,
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("graph", "found"), [((False,), {False}), ((True,), {True}), ((False, True), {False, True})]
)
def test_graphs_that_were_asked_for(graph, found) -> None:
    """`--cuda-graph` decides alone where it is given."""
    plan = make_plan(Request(cuda_graph=graph), BOX)
    assert {c.cuda_graph for c in plan.configurations} == found
    assert len(plan.configurations) == 7 * len(found)


def test_a_step_that_no_graph_holds() -> None:
    """There is no configuration in graphs, and no complaint about one."""
    plan = make_plan(Request(step=("autograd",)), BOX)
    assert {c.cuda_graph for c in plan.configurations} == {False}
    assert set(dict(plan.dropped)) == {"memory_map", "stream"}


def test_given_values_replace_the_presets() -> None:
    """The preset keeps its own values of the knobs that were not given."""
    plan = make_plan(Request(preset="quick", knobs={"num_workers": (8,), "batch_size": (1024,)}), BOX)
    torch_specs = [c.spec for c in plan.configurations if c.spec.family == "torch_dataloader"]
    assert [(s.num_workers, s.pin_memory, s.transfer) for s in torch_specs] == [
        (8, False, "blocking"), (8, True, "non_blocking"),
    ]  # fmt: skip
    assert {c.spec.batch_size for c in plan.configurations} == {1024}


def test_both_devices_side_by_side_have_all_families() -> None:
    """Two devices were asked for, so they are compared in all that both can do."""
    plan = make_plan(Request(device=("cpu", "cuda")), BOX)
    for device in ("cpu", "cuda"):
        families = {c.spec.family for c in plan.configurations if c.device == device}
        assert {"memory_map", "stream", "tensor_slice"} <= families
    assert not plan.only_step_ceilings


def test_a_build_for_cuda_without_a_device_measures_the_cpu() -> None:
    """The plan is that of the CPU: nothing of a GPU is in it."""
    plan = make_plan(Request(), Machine(cuda=False, num_threads=16, cores=16))
    assert {c.device for c in plan.configurations} == {"cpu"}
    assert "memory_map" in {c.spec.family for c in plan.configurations}
