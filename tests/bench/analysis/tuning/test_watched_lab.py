"""Tests of what the waits of the present configuration say of a gain."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest

from bench.analysis.statistics import Estimate
from bench.analysis.tuning.lab import Measured, Stage
from bench.analysis.tuning.outcome import Confirmation, Fate, Outcome
from bench.analysis.tuning.tuner import Tuner, TunerOptions
from bench.analysis.tuning.watched_lab import WatchedLab, is_nothing_to_load_faster
from tests.bench.analysis.tuning.test_tuner import MadeUpLab

REGRET = 0.03


class WaitingLab(MadeUpLab):
    """A lab whose loops wait for some share of the time of their steps."""

    loading_gains: tuple[float, ...] = (0.01,)

    def measure(self, stage: Stage, number: int, block: int, cap_s: float | None = None) -> Measured:
        measured = super().measure(stage, number, block, cap_s)
        gain = self.loading_gains[len(self.trials) % len(self.loading_gains)]
        return replace(measured, loading_gain=gain)


def make_outcome(leader: int = 0, gain: float | None = None, fates: dict[int, Fate] | None = None) -> Outcome:
    """Return an undecided outcome of three configurations.

    Args:
        leader: the fastest in the race.
        gain: its gain in fresh blocks; None without them.
        fates: fates other than those of a tie set.
    """
    tied = {number: Fate("tied", race_ratio=1.01, blocks=2) for number in range(3)}
    confirmed = {}
    if gain is not None:
        speed = Estimate(100.0, 99.0, 101.0, 4)
        confirmed = {
            0: Confirmation(speed, Estimate(1.0, 1.0, 1.0, 4)),
            leader: Confirmation(speed, Estimate(gain, gain - 0.05, gain + 0.05, 4)),
        }
    return Outcome(
        leader=leader, cheapest=leader, chosen=0, tied=(0, 1, 2), fates={**tied, **(fates or {})},
        verdict="undecided", stop="budget", regret_bound=0.2, race_blocks=2, confirm_blocks=4,
        confirmed=confirmed, loading_gain=0.01,
    )  # fmt: skip


def test_short_tuning_of_a_step_that_hides_the_loading_says_so() -> None:
    """The noise of speeds leaves it undecided, but not that of waits."""
    outcomes = []
    for lab in (MadeUpLab, WaitingLab):
        outcome = Tuner(lab([1.0] * 4, noise=0.015, budget_s=25.0), [(0.0,)] * 4, TunerOptions()).run()
        outcomes.append((outcome.verdict, outcome.by_waits, outcome.loading_gain))
    assert outcomes == [("undecided", False, None), ("nothing", True, pytest.approx(0.01))]


def test_faster_step_is_found_though_nothing_waits() -> None:
    """As with another number of torch's threads."""
    outcome = Tuner(WaitingLab([1.0, 1.5, 1.0]), [(0.0,)] * 3, TunerOptions()).run()
    assert (outcome.chosen, outcome.verdict, outcome.by_waits) == (1, "gain", False)


def test_loop_that_waits_decides_nothing() -> None:
    lab = WaitingLab([1.0] * 4, noise=0.015, budget_s=25.0)
    lab.loading_gains = (0.3,)
    outcome = Tuner(lab, [(0.0,)] * 4, TunerOptions()).run()
    assert (outcome.verdict, outcome.by_waits) == ("undecided", False)
    assert outcome.loading_gain == pytest.approx(0.3)


def test_settings_that_were_not_seen_leave_it_undecided() -> None:
    lab = WaitingLab([1.0] * 100, budget_s=30.0)
    outcome = Tuner(lab, [(0.0,)] * 100, TunerOptions()).run()
    assert any(fate.end == "unseen" for fate in outcome.fates.values())
    assert (outcome.verdict, outcome.by_waits) == ("undecided", False)


@pytest.mark.parametrize(
    ("outcome", "is_nothing"),
    [
        (make_outcome(), True),
        (replace(make_outcome(), loading_gain=None), False),
        (replace(make_outcome(), loading_gain=0.04), False),
        (make_outcome(leader=1, gain=1.01), True),
        (make_outcome(leader=1, gain=1.04), False),
        (make_outcome(leader=1), True),
        (make_outcome(leader=1, fates={1: Fate("tied", race_ratio=1.04)}), False),
        (make_outcome(leader=1, fates={1: Fate("tied", screen_ratio=1.02)}), True),
        (make_outcome(fates={2: Fate("unseen")}), False),
        (make_outcome(fates={2: Fate("tied")}), False),
        (make_outcome(fates={2: Fate("capped")}), True),
        (make_outcome(fates={2: Fate("failed", "boom")}), True),
        (make_outcome(fates={2: Fate("screened", screen_ratio=0.8)}), True),
    ],
)
def test_others_must_have_been_seen_and_be_no_faster(outcome: Outcome, is_nothing: bool) -> None:
    assert is_nothing_to_load_faster(outcome, REGRET) is is_nothing


def test_trials_of_the_present_one_bound_the_gain() -> None:
    """The others have waits of their own. Two tell no interval, and a single one nothing."""
    found = WaitingLab([1.0, 1.0])
    found.loading_gains = (0.01, 0.5, 0.012, 0.5)
    lab = WatchedLab(found)
    gains = []
    for block in range(3):
        gains.append(lab.find_loading_gain())
        lab.measure("race", 1, block)
        lab.measure("race", 0, block)
    assert gains == [None, None, 0.012]
    gain = lab.find_loading_gain()
    assert gain is not None
    assert 0.012 < gain < 0.02
    assert (lab.estimate_s("race", 0), lab.find_left_s()) == (1.0, math.inf)
