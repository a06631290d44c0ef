"""The runs of a block, and their names."""

from __future__ import annotations

from bench.plan.ceilings import CEILING_EPOCHS, find_ceilings
from bench.plan.grid import Machine, make_plan
from bench.plan.offer import Offer
from bench.plan.request import Request
from bench.plan.schedule import name_runs, schedule_runs
from loaders.families.iterable import OwnIterable
from loaders.spec.source_facts import SourceFacts

CPU = Machine(cuda=False, num_threads=2)


def test_a_block_holds_configurations_and_their_ceilings() -> None:
    """A configuration that can't run here is left out. Ceilings have numbers of their own."""
    plan = make_plan(Request(knobs={"num_workers": (0, 1)}, device=("cuda", "cpu")), CPU)
    runs = schedule_runs(plan, find_ceilings(plan), 5)
    assert [(run.number, run.epochs, run.bounds) for run in runs] == [
        (2, 5, None),
        (3, 5, None),
        (0, CEILING_EPOCHS, frozenset({2, 3})),
        (1, CEILING_EPOCHS, frozenset({2, 3})),
    ]
    assert [run.baseline for run in runs] == [2, 2, 0, 1]


def test_a_ceiling_is_named_by_its_batch_size() -> None:
    """And by whatever tells it from others of its kind; `none` is left out."""
    plan = make_plan(Request(knobs={"num_workers": (0,)}), CPU)
    runs = schedule_runs(plan, find_ceilings(plan), 2)
    assert name_runs(runs, ["mine"]) == [
        "mine",
        "ceiling: read (batch_size=256)",
        "ceiling: step (batch_size=256)",
    ]
    request = Request(knobs={"resize": (None, 32)}, num_threads=(1, 2))
    plan = make_plan(request, CPU)
    names = name_runs(schedule_runs(plan, find_ceilings(plan), 2), ["mine"] * 4)
    assert len(set(names)) == 1 + 2 + 4
    assert names[4:] == [
        "ceiling: read (batch_size=256 num_threads=1)",
        "ceiling: step (batch_size=256 num_threads=1)",
        "ceiling: step (batch_size=256 resize=32 num_threads=1)",
        "ceiling: read (batch_size=256 num_threads=2)",
        "ceiling: step (batch_size=256 num_threads=2)",
        "ceiling: step (batch_size=256 resize=32 num_threads=2)",
    ]


def test_a_ceiling_without_a_batch_size_has_no_brackets() -> None:
    """There is one ceiling of its kind, and nothing that tells it from others."""
    offer = Offer({"iterable": OwnIterable(SourceFacts("iterable", None), ())}, "iterable", {})
    plan = make_plan(Request(step=("5ms",)), CPU, offer)
    assert name_runs(schedule_runs(plan, find_ceilings(plan), 2), ["mine"]) == ["mine", "ceiling: step"]
