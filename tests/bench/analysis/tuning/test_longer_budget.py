"""Which budget would decide what a tuning has left open."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest

from bench.analysis.statistics import Estimate
from bench.analysis.tuning.longer_budget import (
    LEAST_TIMES,
    estimate_budget_s,
    estimate_longer_s,
    find_times_for_bound,
    find_times_for_gain,
)
from bench.analysis.tuning.outcome import Fate
from tests.bench.report.tune import tunings


@pytest.mark.parametrize(
    ("gain", "times"),
    [
        # The interval reaches as far as the gain: a hair more would do.
        ((1.1, 1.0, 1.21), 1.0),
        ((1.1, 1.1 / 1.21, 1.331), 4.0),
        # That there is no gain is nearer.
        ((1.0, 1 / 1.03, 1.03), 1.0),
        ((0.9, 0.5, math.inf), math.inf),
        ((1.1, None, None), math.inf),
    ],
)
def test_intervals_shrink_with_the_root_of_the_time(gain, times) -> None:
    """With a margin."""
    assert find_times_for_gain(Estimate(*gain, 8), 0.03) == pytest.approx(LEAST_TIMES * times)


def test_bounds_shrink_with_the_root_of_the_time() -> None:
    """With a margin."""
    assert find_times_for_bound(1.03**2 - 1, 0.03) == pytest.approx(LEAST_TIMES * 4)


@pytest.mark.parametrize(
    ("needed_s", "longer_s"), [(10, 45), (100, 100), (300, 300), (301, None), (math.inf, None)]
)
def test_a_budget_that_nobody_gives_is_not_named(needed_s, longer_s) -> None:
    """One that is hardly longer is none, either. Missing trials take what they take."""
    assert estimate_longer_s(needed_s, 30, math.inf) == (longer_s or (301 if needed_s == 301 else None))
    assert estimate_longer_s(needed_s, 30) == longer_s


def test_candidates_that_were_not_seen_need_time() -> None:
    """Each a trial, beside a short race and fresh blocks."""
    found = tunings.make_unconfirmed()
    fates = {number: fate for number, fate in found.outcome.fates.items() if number < 4}
    fates[3] = Fate("unseen")
    unseen = replace(found, outcome=replace(found.outcome, fates=fates))
    # 20 that nobody knows of, and one that is told.
    assert estimate_budget_s(replace(unseen, stages=())) is None
    stage = replace(found.stages[1], trials=10, seconds=80.0)
    assert estimate_budget_s(replace(unseen, stages=(stage,))) == pytest.approx(80 + (21 + 26) * 8)
