"""Ceilings: which bound a configuration, and that each does as much work as a loader must."""

from __future__ import annotations

from itertools import islice
from types import SimpleNamespace

import pytest
import torch

from bench.plan import ceiling_loaders
from bench.plan.ceiling_loaders import (
    LEAST_BYTES,
    MOST_BYTES,
    RESIDENT_BATCHES,
    BusCeiling,
    OwnStepCeiling,
    ReadCeiling,
    StepCeiling,
    find_most_bytes,
)
from bench.plan.ceilings import (
    CEILING_EPOCHS,
    count_ceiling_epochs,
    find_captured_bytes,
    find_ceilings,
    list_ceiling_knobs,
)
from bench.plan.grid import Machine, make_plan
from bench.plan.offer import Offer
from bench.plan.plan import Plan
from bench.plan.request import Request
from bench.trial.trial import Trial
from loaders.families.dataloader import OwnDataLoader
from loaders.families.iterable import OwnIterable
from loaders.spec.source_facts import DataLoaderSettings, SourceFacts
from tests.fakes import numbered_source, numbered_workload

CPU = Machine(cuda=False, num_threads=2)


@pytest.mark.parametrize(("samples", "batch_size"), [(300, 64), (300, 300), (300, 500), (64, 64), (256, 64)])
@pytest.mark.parametrize("ceiling", [StepCeiling, ReadCeiling])
def test_as_many_samples_as_the_dataset_has(ceiling, samples, batch_size) -> None:
    """The step gets as many batches as the dataset has, the last one smaller, in each epoch."""
    loader = ceiling(batch_size).build(numbered_source(samples), shuffle=True, seed=0)
    full, rest = divmod(samples, batch_size)
    for _ in range(2):
        sizes = [len(labels) for _, labels in loader]
        assert sum(sizes) == samples
        if ceiling is StepCeiling:
            assert sizes == [batch_size] * full + [rest] * bool(rest)


def test_the_step_is_fed_from_four_batches() -> None:
    """They lie in memories of their own, and look like a loader's."""
    batches = list(StepCeiling(50, 32).build(numbered_source(300), shuffle=True, seed=0))
    assert len({images.data_ptr() for images, _ in batches}) == 4
    assert all(images.shape == (50, 1, 32, 32) and images.dtype == torch.float32 for images, _ in batches)
    assert all(images.min() >= 0 and images.max() <= 1 for images, _ in batches)


def test_every_row_is_read_into_one_buffer() -> None:
    """The bytes are those of the dataset, in stored order."""
    source = numbered_source(3000)
    read, memories = [], set()
    for images, labels in ReadCeiling(64).build(source, shuffle=True, seed=0):
        assert len(images) == len(labels)
        read.append(images.clone())
        memories.add(images.data_ptr())
    assert torch.equal(torch.cat(read), source.images)
    assert len(memories) == 1


def test_equal_work_has_one_ceiling() -> None:
    """Configurations that differ in nothing that a ceiling knows share it; without a step there is one."""
    request = Request(
        knobs={"num_workers": (0, 1), "batch_size": (64, 256)}, step=("analytic", "none"), num_threads=(1,)
    )
    plan = make_plan(request, CPU)
    bounds = {
        (ceiling.spec.family, ceiling.spec.batch_size): {
            (plan.configurations[n].spec.batch_size, plan.configurations[n].step) for n in bounded
        }
        for ceiling, bounded in find_ceilings(plan).items()
    }
    assert bounds == {
        ("read_ceiling", 64): {(64, "analytic"), (64, "none")},
        ("step_ceiling", 64): {(64, "analytic")},
        ("read_ceiling", 256): {(256, "analytic"), (256, "none")},
        ("step_ceiling", 256): {(256, "analytic")},
    }


def test_a_configuration_that_cannot_run_needs_no_ceiling() -> None:
    """There is nothing to bound."""
    plan = make_plan(Request(knobs={"num_workers": (0,)}, device=("cpu", "cuda")), CPU)
    assert {ceiling.device for ceiling in find_ceilings(plan)} == {"cpu"}


def test_a_ceiling_is_measured_as_a_loader_is() -> None:
    """The same trial runs it with the same step, but without an audit."""
    plan = make_plan(Request(knobs={"num_workers": (0,), "resize": (32,)}, num_threads=(1,)), CPU)
    for ceiling in find_ceilings(plan):
        trial = Trial(ceiling, 0, 0, 0, 0, numbered_workload(300), 2, seed=0, audited=False)
        reports = list(islice(trial.run(), trial.epochs))
        assert [report.timings.samples for report in reports] == [300, 300]
        assert trial.make_row(0).family in ("read_ceiling", "step_ceiling")
        assert (reports[0].train_loss is None) == (trial.make_row(0).family == "read_ceiling")


@pytest.mark.parametrize(
    ("scale_on", "form"),
    [("", (torch.float32, (64, 1, 32, 32))), ("host", (torch.float32, (64, 1, 32, 32))),
     ("device", (torch.uint8, (64, 1, 28, 28)))],
)  # fmt: skip
def test_the_bus_carries_what_a_loader_sends(scale_on, form, monkeypatch) -> None:
    """Every batch is copied in the shape and dtype in which a loader sends it."""
    monkeypatch.setattr(ceiling_loaders, "_pin", lambda tensor: tensor)
    monkeypatch.setattr(ceiling_loaders, "LEAST_BYTES", 1)
    loader = BusCeiling(64, 32, scale_on=scale_on).build(numbered_source(300), shuffle=True, seed=0)
    for _ in range(2):
        batches = []
        for images, labels in loader:
            assert images.min() == labels.min() == 1
            batches.append((images.dtype, tuple(images.shape)))
            images.zero_()
            labels.zero_()
        assert batches[:-1] == [form] * 4
        assert batches[-1] == (form[0], (44, *form[1][1:]))


def test_small_batches_do_not_slow_the_bus(monkeypatch) -> None:
    """At least 16 MiB are copied at once, so that few copies are launched."""
    monkeypatch.setattr(ceiling_loaders, "_pin", lambda tensor: tensor)
    sizes = [len(labels) for _, labels in BusCeiling(64).build(numbered_source(9000), shuffle=True, seed=0)]
    assert sizes == [LEAST_BYTES // (4 * 28 * 28), 9000 - LEAST_BYTES // (4 * 28 * 28)]


def test_loaders_of_the_host_are_bound_by_reading() -> None:
    """A loader on the device is not, and the bytes are read into the host's memory."""
    request = Request(
        family=("device_resident", "batched_dataloader"), knobs={"batch_size": (64,)}, device=("cuda",),
        step=("none",),
    )  # fmt: skip
    plan = make_plan(request, Machine(cuda=True, num_threads=2))
    ((read, numbers),) = [
        (one, n) for one, n in find_ceilings(plan).items() if isinstance(one.spec, ReadCeiling)
    ]
    assert {plan.configurations[n].spec.family for n in numbers} == {"batched_dataloader"}
    assert read.device == "cuda"
    source = numbered_source(300)
    pipeline = read.spec.pipeline(source, device="cuda", shuffle=True, seed=0)
    assert {images.device.type for images, _ in pipeline} == {"cpu"}


def test_loaders_that_transfer_are_bound_by_the_bus() -> None:
    """A ring that scales on the device sends fewer bytes than the others."""
    request = Request(
        family=("tensor_slice", "device_resident", "batched_dataloader"), knobs={"batch_size": (64,)},
        device=("cuda", "cpu"), num_threads=(1,), step=("none",),
    )  # fmt: skip
    plan = make_plan(request, Machine(cuda=True, num_threads=2))
    bounded = {
        ceiling.spec.scale_on: {plan.configurations[n].spec.family for n in numbers}
        for ceiling, numbers in find_ceilings(plan).items()
        if isinstance(ceiling.spec, BusCeiling)
    }
    assert bounded == {"": {"batched_dataloader"}, "device": {"tensor_slice"}}


def test_the_step_in_a_graph_is_a_ceiling_of_its_own() -> None:
    """Its ceiling is the step in CUDA graphs as well."""
    request = Request(family=("device_resident",), knobs={"batch_size": (64,)}, cuda_graph=(False, True))
    plan = make_plan(request, Machine(cuda=True, num_threads=2))
    alone = [ceiling for ceiling in find_ceilings(plan) if isinstance(ceiling.spec, StepCeiling)]
    assert [ceiling.cuda_graph for ceiling in alone] == [False, True]
    pipeline = StepCeiling(50).pipeline(numbered_source(300), device="cpu", shuffle=True, seed=0)
    assert pipeline.chunk_batches % RESIDENT_BATCHES == 0


@pytest.mark.cuda
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
@pytest.mark.parametrize("graph", [False, True])
def test_ceilings_on_a_gpu(graph) -> None:
    """All three kinds run with real memory and a real graph."""
    request = Request(
        family=("tensor_slice",), knobs={"batch_size": (64,)}, device=("cuda",), cuda_graph=(graph,)
    )
    plan = make_plan(request, Machine(cuda=True, num_threads=2))
    for ceiling in find_ceilings(plan):
        trial = Trial(ceiling, 0, 0, 0, 0, numbered_workload(300), 2, seed=0, audited=False)
        reports = list(islice(trial.run(), trial.epochs))
        assert [report.timings.samples for report in reports] == [300, 300]


def plan_own(step: tuple[str, ...], num_threads: tuple[int, ...] = (1,), **knobs) -> Plan:
    """Return the plan of a user's DataLoader of batches of 4, made by a function with a parameter."""
    facts = SourceFacts("dataloader", DataLoaderSettings(batch_size=4))
    offer = Offer({"dataloader": OwnDataLoader(facts, (("size", 128),))}, "dataloader", {})
    return make_plan(Request(knobs=knobs, step=step, num_threads=num_threads), CPU, offer)


def test_an_own_step_has_a_ceiling_for_each_kind_of_work() -> None:
    """Batch size, parameters, threads and step decide it; how the batches are loaded doesn't."""
    knobs = {"num_workers": (0, 2), "batch_size": (4, 8), "param.size": (128, 224)}
    plan = plan_own(("12ms", "train.py:make_step", "none"), (1, 2), **knobs)
    found = find_ceilings(plan)
    assert len(plan.configurations) == 3 * 2 * 8
    assert len(found) == 2 * 2 * 4
    for ceiling, bounded in found.items():
        assert isinstance(ceiling.spec, OwnStepCeiling)
        for number in bounded:
            below = plan.configurations[number]
            assert (below.step, below.num_threads) == (ceiling.step, ceiling.num_threads)
            assert ceiling.spec.knobs() == {n: below.spec.knobs()[n] for n in ("batch_size", "param.size")}
    assert sum(map(len, found.values())) == 2 * 2 * 8
    assert {ceiling.spec.batch_size for ceiling in found} == {4, 8}
    assert next(iter(found)).spec.params == {"size": 128}
    assert list_ceiling_knobs(found) == ["batch_size", "param.size"]


def test_the_user_s_loader_alone_has_no_ceiling() -> None:
    """Nobody knows what bounds it."""
    assert find_ceilings(plan_own(("none",), num_workers=(0, 2))) == {}
    assert find_captured_bytes([]) is None


def test_the_knobs_of_a_ceiling_are_those_of_its_loaders() -> None:
    """An iterable has no batch size, so its ceilings have no such column."""
    offer = Offer({"iterable": OwnIterable(SourceFacts("iterable", None, batches=7), ())}, "iterable", {})
    (ceiling,) = find_ceilings(make_plan(Request(step=("5ms",)), CPU, offer))
    assert ceiling.spec.knobs() == {}
    assert (ceiling.spec.batch_size, ceiling.spec.batches) == (None, 7)
    assert list_ceiling_knobs([ceiling]) == []


def test_the_columns_of_the_ceilings_of_pictures_stay() -> None:
    """Whichever ceilings there are."""
    plan = make_plan(Request(knobs={"num_workers": (0,)}), CPU)
    assert list_ceiling_knobs(find_ceilings(plan)) == ["batch_size", "resize", "scale_on"]
    assert {count_ceiling_epochs(ceiling, 2) for ceiling in find_ceilings(plan)} == {CEILING_EPOCHS}


def test_an_own_ceiling_runs_as_many_epochs_as_its_loaders() -> None:
    """An epoch of somebody's step may take minutes."""
    (ceiling,) = find_ceilings(plan_own(("12ms",)))
    assert count_ceiling_epochs(ceiling, 2) == 2


def test_the_memory_of_captured_batches_is_bounded(monkeypatch) -> None:
    """By 256 MiB, and by a twentieth of what is available; all ceilings of a plan have the same bound."""
    monkeypatch.setattr(ceiling_loaders.psutil, "virtual_memory", lambda: SimpleNamespace(available=200))
    assert find_most_bytes() == 10
    assert find_captured_bytes(find_ceilings(plan_own(("12ms",), batch_size=(4, 8)))) == 10
    monkeypatch.setattr(ceiling_loaders.psutil, "virtual_memory", lambda: SimpleNamespace(available=10**12))
    assert find_most_bytes() == MOST_BYTES
