"""The number of batches of an epoch that is explained."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from bench.plan.configuration import Configuration
from bench.runner.epoch_cut import (
    BATCHES_A_WORKER,
    EPOCH_S,
    FEWEST_BATCHES,
    MOST_BATCHES,
    CutError,
    choose_cut,
    cut_epochs,
)
from bench.workloads.own.own_loader import OwnLoader
from bench.workloads.target.target import Target
from loaders.families.dataloader import OwnDataLoader
from loaders.families.torch_dataloader import TorchDataLoader
from loaders.spec.source_facts import DataLoaderSettings, SourceFacts
from tests.bench.workloads.own.test_own_ceiling import PROJECT
from tests.fakes import numbered_workload


@dataclass
class Timed:
    """A runner whose epochs take half a second to start and end, and then so long for each batch."""

    batch_s: float
    status: str = "ok"
    asked: list[Any] = field(default_factory=list)

    def run(self, trial: Any) -> Iterator[Any]:
        self.asked.append(trial)
        batches = trial.workload.batches
        yield replace(
            trial.make_row(epoch=0), batches=batches, time_to_first_batch_s=0.4, teardown_s=0.1,
            wall_s=0.5 + (batches - 1) * self.batch_s, status=self.status, error="no such file",
        )  # fmt: skip


def choose(
    timed: Timed, whole: int | None, *, workers: int = 0, batches: int | None = None, looks: bool = False
) -> tuple[Any, OwnLoader]:
    """Choose the cut of a loader whose epoch has so many batches."""
    facts = SourceFacts("dataloader", DataLoaderSettings(4), batches=whole)
    workload = OwnLoader(Target.parse(f"{PROJECT}:loader"), facts, "", batches)
    configuration = Configuration(OwnDataLoader(facts=facts, num_workers=workers), "cpu", "none", None, 1)
    announced: list[Any] = []
    runner: Any = timed
    cut = choose_cut(workload, configuration, runner, announced.append, always_looks=looks)
    assert len(announced) == len(timed.asked)
    return cut, cut_epochs(workload, cut)


def test_an_epoch_lasts_some_seconds() -> None:
    """Start and end don't count; the first look has no audit."""
    timed = Timed(0.01)
    cut, workload = choose(timed, whole=10_000)
    assert cut.batches == pytest.approx(EPOCH_S / 0.01, abs=1)
    assert (cut.whole, cut.is_cut, workload.batches) == (10_000, True, cut.batches)
    assert cut.epoch_s == pytest.approx(EPOCH_S + 0.5, rel=0.01)
    (trial,) = timed.asked
    assert (trial.workload.batches, trial.epochs, trial.audited) == (FEWEST_BATCHES, 1, False)


@pytest.mark.parametrize(("workers", "fewest"), [(0, FEWEST_BATCHES), (8, 8 * BATCHES_A_WORKER)])
def test_slow_batches_are_enough_for_the_queue(workers, fewest) -> None:
    """With fewer, its filling and emptying would weigh too much."""
    cut, _ = choose(Timed(2.0), whole=10_000, workers=workers)
    assert cut.batches == fewest


@pytest.mark.parametrize("whole", [1, FEWEST_BATCHES])
def test_a_short_epoch_stays_whole(whole) -> None:
    """Without a look."""
    timed = Timed(1.0)
    cut, workload = choose(timed, whole)
    assert (cut.batches, cut.whole, cut.is_cut, workload.batches) == (whole, whole, False, None)
    assert timed.asked == []


def test_an_epoch_that_is_hardly_longer_stays_whole() -> None:
    """The end of its data belongs to it."""
    cut, workload = choose(Timed(0.01), whole=int(1.2 * EPOCH_S / 0.01))
    assert (cut.batches, workload.batches) == (cut.whole, None)


def test_the_users_number_counts() -> None:
    """Also where the loader has fewer."""
    assert choose(Timed(1.0), whole=500, batches=9)[0].batches == 9
    cut, workload = choose(Timed(1.0), whole=5, batches=9)
    assert (cut.batches, cut.whole, workload.batches) == (5, 5, 9)
    # An epoch of unknown length was run through no further than that.
    assert choose(Timed(1.0), whole=9, batches=9)[0].whole is None


def test_tiny_batches_have_an_upper_bound() -> None:
    """Each one is a line of a file; an epoch of unknown length has the same bound."""
    assert choose(Timed(1e-7), whole=10**9)[0].batches == MOST_BATCHES
    assert choose(Timed(1e-7), whole=None)[0].batches == MOST_BATCHES
    assert choose(Timed(0.0), whole=None)[0].batches == MOST_BATCHES


def test_a_loader_that_fails_at_once_is_one_line() -> None:
    """The error of its first look."""
    with pytest.raises(CutError, match="no such file"):
        choose(Timed(1.0, status="failed"), whole=500)


def test_pictures_are_measured_whole() -> None:
    """Their epochs are short."""
    workload = numbered_workload(300)
    configuration = Configuration(TorchDataLoader(batch_size=64), "cpu", "none", None, 1)
    cut = choose_cut(workload, configuration, Timed(1.0), lambda _: None)  # type: ignore[arg-type]
    assert (cut.batches, cut.whole, cut_epochs(workload, cut)) == (5, 5, workload)


def test_a_budget_needs_a_look_in_any_case() -> None:
    """At no more batches than an epoch has, and the number stays as it is."""
    timed = Timed(0.5)
    cut, _ = choose(timed, whole=500, batches=9, looks=True)
    assert (timed.asked[0].workload.batches, cut.batches, cut.asked) == (9, 9, True)
    assert cut.epoch_s == pytest.approx(0.5 + 9 * 0.5)
    timed = Timed(0.5)
    cut, _ = choose(timed, whole=4, looks=True)
    assert (timed.asked[0].workload.batches, cut.batches, cut.is_cut) == (4, 4, False)
