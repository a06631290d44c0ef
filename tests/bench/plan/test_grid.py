"""Plans of requests."""

from __future__ import annotations

import math
from collections import Counter
from typing import Any

import pytest

from bench.plan.configuration import Configuration
from bench.plan.grid import Machine, make_plan
from bench.plan.plan import PlanError
from bench.plan.request import Request
from loaders.families.batched_dataloader import BatchedDataLoader
from loaders.families.torch_dataloader import TorchDataLoader
from loaders.registry import families

CPU = Machine(cuda=False, num_threads=2)
CUDA = Machine(cuda=True, num_threads=8)
TUTORIAL = TorchDataLoader().resolve()


def specs(request: Request, machine: Machine = CPU) -> list:
    return [c.spec for c in make_plan(request, machine).configurations]


def test_given_knobs_make_their_factorial_and_nothing_else() -> None:
    """Two values of three knobs make eight configurations of the tutorials' family."""
    found = specs(Request(knobs={"num_workers": (0, 1), "batch_size": (64, 256), "resize": (None, 32)}))
    assert len(found) == 8
    assert {(s.num_workers, s.batch_size, s.resize) for s in found} == {
        (n, b, r) for n in (0, 1) for b in (64, 256) for r in (None, 32)
    }
    assert all(isinstance(s, TorchDataLoader) for s in found)


def test_quick_varies_one_knob_at_a_time() -> None:
    """Every configuration of the tutorials' family differs from theirs in one knob (or in what follows)."""
    found = [s for s in specs(Request()) if isinstance(s, TorchDataLoader)]
    assert found[0] == TUTORIAL
    follows = {"prefetch_factor", "multiprocessing_context"}
    for spec in found[1:]:
        differing = {k for k, v in spec.knobs().items() if v != TUTORIAL.knobs()[k]}
        assert len(differing - follows) == 1
    assert {s.num_workers for s in found} == {0, 2, 4}


def test_quick_runs_every_other_family_once() -> None:
    """A family that nobody asked for runs once, at its defaults."""
    counts = Counter(s.family for s in specs(Request()))
    assert set(counts) == {
        name
        for name, family in families().items()
        if family.shown_unasked and family().invalid(cuda=False) is None
    }
    assert "image_folder" not in counts
    assert all(count == 1 for name, count in counts.items() if name != "torch_dataloader")


def test_quick_varies_a_family_that_was_asked_for() -> None:
    """A named family gets its own base and its own variations."""
    found = specs(Request(family=("batched_dataloader",)))
    assert found[0] == BatchedDataLoader()
    assert {s.num_workers for s in found} == {0, 2, 4}


def test_quick_with_a_list_varies_that_list() -> None:
    """A given list replaces the preset's own values of that knob. The other knobs keep theirs."""
    found = [s for s in specs(Request(preset="quick", knobs={"num_workers": (3, 5)})) if s.family != "x"]
    torch_specs = [s for s in found if isinstance(s, TorchDataLoader)]
    assert {s.num_workers for s in torch_specs} == {3, 5}
    assert {s.batch_size for s in torch_specs} == {256, 1024}


def test_full_is_the_factorial() -> None:
    """Without CUDA there are no values of `pin_memory` and `transfer` to multiply."""
    found = specs(Request(family=("torch_dataloader",), preset="full"))
    assert len(found) == 4 * 3 * 2
    assert len(specs(Request(family=("torch_dataloader",), preset="full"), CUDA)) == 4 * 3 * 2 * 2 * 2


def test_consumers_multiply_the_grid() -> None:
    """Every loader runs with each step, loss and number of threads. Without a step there is no loss."""
    plan = make_plan(
        Request(
            knobs={"num_workers": (0,)},
            step=("analytic", "none"),
            loss=("cross_entropy", "squared"),
            num_threads=(1, 2),
        ),
        CPU,
    )
    found = {(c.step, c.loss, c.num_threads) for c in plan.configurations}
    assert found == {
        *(("analytic", loss, n) for loss in ("cross_entropy", "squared") for n in (1, 2)),
        *(("none", None, n) for n in (1, 2)),
    }
    assert len(plan.configurations) == len(found)


def test_an_impossible_configuration_is_dropped_with_its_reason() -> None:
    """A prefetch without workers is left out, and is no error. Its name says only what was chosen."""
    plan = make_plan(Request(knobs={"num_workers": (0, 2), "prefetch_factor": (None, 4)}), CPU)
    assert [(c.spec.num_workers, c.spec.prefetch_factor) for c in plan.configurations] == [
        (0, None),
        (2, 2),
        (2, 4),
    ]
    ((name, reason),) = plan.dropped
    assert reason == "prefetch_factor=4 needs workers, num_workers is 0"
    assert "num_workers=0" in name
    assert "prefetch_factor=4" in name
    assert "none" not in name


@pytest.mark.parametrize(
    "knobs",
    [
        {"multiprocessing_context": ("fork", "spawn")},
        {"prefetch_factor": (2, 4), "persistent_workers": (True,)},
        {"in_order": (False,)},
    ],
)
def test_no_workers_stay_one_configuration_where_all_other_values_need_some(
    knobs: dict[str, tuple[Any, ...]],
) -> None:
    """Without workers these values have no meaning. The combinations that were named are left out."""
    plan = make_plan(Request(knobs={"num_workers": (0, 1), **knobs}), CPU)
    alone = [c.spec for c in plan.configurations if c.spec.knobs()["num_workers"] == 0]
    assert alone == [TorchDataLoader(num_workers=0).resolve()]
    assert len(plan.configurations) == 1 + math.prod(map(len, knobs.values()))
    assert plan.dropped
    quick = specs(
        Request(preset="quick", family=("torch_dataloader",), knobs={"num_workers": (0, 1), **knobs})
    )
    assert TorchDataLoader(num_workers=0).resolve() in quick


def test_no_workers_alone_are_not_freed_of_what_needs_some() -> None:
    """It's a contradiction then, which the error names."""
    with pytest.raises(PlanError, match="prefetch_factor=4 needs workers, num_workers is 0"):
        make_plan(Request(knobs={"num_workers": (0,), "prefetch_factor": (4,)}), CPU)


def test_one_configuration_under_two_names_runs_once() -> None:
    """`prefetch_factor=none` means 2 where there are workers, so both requests are one configuration."""
    assert len(specs(Request(knobs={"num_workers": (2,), "prefetch_factor": (None, 2)}))) == 1


def test_a_knob_applies_to_the_families_that_have_it(monkeypatch) -> None:
    """A family without the varied knob runs once."""
    from tests.fakes import Misbehaving

    known = families()
    monkeypatch.setattr("bench.plan.offer.families", lambda: {**known, "fakes": Misbehaving})
    found = specs(Request(family=("torch_dataloader", "fakes"), knobs={"num_workers": (0, 1, 2)}))
    assert Counter(s.family for s in found) == {"torch_dataloader": 3, "fakes": 1}


def test_a_knob_that_no_family_has_is_an_error() -> None:
    """A typing error is not an empty grid."""
    with pytest.raises(PlanError, match="--thread-count: no knob of torch_dataloader"):
        make_plan(Request(knobs={"thread_count": (1,)}), CPU)


def test_an_unknown_family_is_an_error() -> None:
    """The error lists what there is."""
    with pytest.raises(PlanError, match="'nope' is not a loader family; allowed: batched_dataloader"):
        make_plan(Request(family=("nope",)), CPU)
    with pytest.raises(PlanError, match="'in_memory' serves other data; allowed: batched_dataloader"):
        make_plan(Request(family=("in_memory",)), CPU)


def test_nothing_left_is_an_error() -> None:
    """The error names the reason."""
    with pytest.raises(PlanError, match="nothing to measure: pin_memory=on needs a CUDA device"):
        make_plan(Request(knobs={"pin_memory": (True,)}), CPU)
    with pytest.raises(PlanError, match="nothing to measure: no CUDA device here"):
        make_plan(Request(device=("cuda",)), CPU)


def test_a_missing_device_is_unavailable_not_dropped() -> None:
    """A device that this machine lacks gets rows that say so, beside the rows of another device."""
    plan = make_plan(Request(knobs={"num_workers": (0,)}, device=("cpu", "cuda")), CPU)
    assert [c.device for c in plan.configurations] == ["cpu", "cuda"]
    assert list(plan.unavailable) == [1]


def test_auto_is_cuda_where_there_is_one() -> None:
    """The plan names a device, never `auto`."""
    request = Request(knobs={"num_workers": (0,)})
    assert make_plan(request, CUDA).configurations[0].device == "cuda"
    assert make_plan(request, CPU).configurations[0].device == "cpu"


def test_default_threads_are_the_machines() -> None:
    """The plan holds torch's own number where none is given."""
    assert make_plan(Request(), CPU).configurations[0].num_threads == 2


def test_the_baseline_is_the_tutorials_where_the_grid_holds_it() -> None:
    """Its place in the grid is of no importance, and it isn't added to a grid without it."""
    plan = make_plan(Request(knobs={"num_workers": (0, 4)}), CPU)
    assert plan.baselines == (1, 1)
    assert len(plan.configurations) == 2


def test_else_the_baseline_is_the_first() -> None:
    """A grid without the tutorials' configuration is compared with its own first."""
    assert make_plan(Request(knobs={"num_workers": (2, 1, 0)}), CPU).baselines == (0, 0, 0)


def test_the_baseline_has_the_default_threads() -> None:
    """The tutorials don't set the threads, so torch's own number is theirs."""
    request = Request(knobs={"num_workers": (0, 4)}, num_threads=(1, 2))
    plan = make_plan(request, CPU)
    baseline = plan.configurations[plan.baselines[0]]
    assert (baseline.spec.num_workers, baseline.num_threads) == (4, 2)
    other = make_plan(request, Machine(cuda=False, num_threads=16))
    assert other.configurations[other.baselines[0]].spec.num_workers == 4


def test_each_comparison_has_its_own_baseline() -> None:
    """Speeds with a step and without are not divided by each other."""
    plan = make_plan(Request(knobs={"num_workers": (0, 4)}, step=("analytic", "none")), CPU)
    assert plan.baselines == (1, 1, 3, 3)


def test_twins_stand_side_by_side() -> None:
    """Each second configuration repeats the one before it, and is compared with it."""
    plan = make_plan(Request(knobs={"num_workers": (0, 1)}, aa_pairs=2), CPU)
    assert [c.spec.num_workers for c in plan.configurations] == [0, 0, 0, 0, 1, 1, 1, 1]
    assert plan.baselines == (0, 0, 2, 2, 4, 4, 6, 6)


def test_unasked_the_twins_are_the_tutorials() -> None:
    """A check of a whole preset would take an hour."""
    plan = make_plan(Request(aa_pairs=1), CPU)
    assert {c.spec for c in plan.configurations} == {TUTORIAL}


def test_what_is_unavailable_has_no_twin() -> None:
    """There is nothing to compare."""
    plan = make_plan(Request(knobs={"num_workers": (0,)}, device=("cpu", "cuda"), aa_pairs=1), CPU)
    assert [c.device for c in plan.configurations] == ["cpu", "cpu"]
    assert plan.unavailable == {}


def test_the_estimate_grows_with_the_work() -> None:
    """More samples and more epochs take longer."""
    configuration = Configuration(TUTORIAL, "cpu", "analytic", "cross_entropy", 2)
    assert configuration.estimate_s(60_000, 2) > configuration.estimate_s(30_000, 2)
    assert configuration.estimate_s(60_000, 2) > configuration.estimate_s(60_000, 1)


@pytest.mark.parametrize(
    ("request_", "reason"),
    [
        (
            Request(knobs={"num_workers": (0,)}, device=("cpu",), cuda_graph=(False, True)),
            "needs a CUDA device",
        ),
        (
            Request(knobs={"num_workers": (0,)}, step=("none", "analytic"), cuda_graph=(True,)),
            "captures the analytic step, step is none",
        ),
        (
            Request(knobs={"num_workers": (0,)}, step=("autograd", "analytic"), cuda_graph=(True,)),
            "captures the analytic step, step is autograd",
        ),
    ],
)
def test_a_graph_holds_the_analytic_step_on_cuda(request_, reason) -> None:
    """A step that CUDA graphs can't hold is left out, with its reason. The rest stays."""
    plan = make_plan(request_, CUDA)
    ((_, said),) = plan.dropped
    assert reason in said
    assert len(plan.configurations) == 1


def test_the_baseline_is_without_a_graph() -> None:
    """The tutorials use no CUDA graph, so the first configuration of the grid isn't the baseline."""
    plan = make_plan(Request(knobs={"num_workers": (4,)}, cuda_graph=(True, False)), CUDA)
    assert [c.cuda_graph for c in plan.configurations] == [True, False]
    assert plan.baselines == (1, 1)
