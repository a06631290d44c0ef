"""Tests of the cautions of a tuning."""

from __future__ import annotations

import math

import pytest

from bench.analysis.statistics import Estimate
from bench.analysis.tuning.outcome import Confirmation, Fate, Outcome
from bench.runner.tuning.cautions import foresee_shortness, list_cautions

FRESH = Confirmation(Estimate(100.0, 90.0, 110.0, 4), Estimate(2.0, 1.8, 2.2, 4))


def make_outcome(confirmed: dict[int, Confirmation]) -> Outcome:
    return Outcome(
        leader=1,
        cheapest=1,
        chosen=1,
        tied=(1,),
        fates={0: Fate("slower"), 1: Fate("tied")},
        verdict="gain",
        stop="one left",
        regret_bound=None,
        race_blocks=3,
        confirm_blocks=4,
        raced=2,
        noise=0.01,
        confirmed=confirmed,
    )


@pytest.mark.parametrize(
    ("confirmed", "lacks", "count"), [({1: FRESH}, True, 1), ({1: FRESH}, False, 0), ({}, True, 0)]
)
def test_gain_without_the_step_alone_is_told(
    confirmed: dict[int, Confirmation], lacks: bool, count: int
) -> None:
    """Without fresh blocks there are other things to say."""
    found = list(list_cautions(make_outcome(confirmed), [], None, {}, lacks_ceiling=lacks))
    assert len([one for one in found if "no time for the step alone" in one]) == count


@pytest.mark.parametrize(
    ("left_s", "says"),
    [
        (math.inf, ""),
        (110.0, ""),
        (45.0, "The budget has time for about 4 trials of 10 s, too few for an answer. --budget 4m has time"),
        (-3.0, "The budget has time for about 0 trials of 10 s"),
    ],
)
def test_a_budget_that_is_too_short_for_an_answer_is_told_before(left_s, says) -> None:
    """With one that would do."""
    told = foresee_shortness(left_s, 10.0, 1.2)
    assert told.startswith(says)
    assert bool(told) is bool(says)
