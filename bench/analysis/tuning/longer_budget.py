"""Longer budget: the time that a tuning would need to decide what it has left open."""

from __future__ import annotations

import math

from bench.analysis.statistics import Estimate
from bench.analysis.tuning.confirming import BLOCKS
from bench.analysis.tuning.tuner import FEWEST_RACE_BLOCKS
from bench.analysis.tuning.tuning import Tuning

# A longer budget is named up to so many times the given one. It is at least so many times as long, which is
# also the margin of an estimate.
MOST_TIMES, LEAST_TIMES = 10.0, 1.5


def find_times_for_gain(gain: Estimate, regret: float) -> float:
    """Return how many times as much time makes an interval show a gain, or that there is none.

    Intervals shrink with the root of the number of blocks.

    Args:
        gain: gain in fresh blocks, which shows neither.
        regret: gain below which there is nothing to gain, as a share.

    Returns:
        Infinity where the interval has no end.
    """
    if not gain.low or gain.high is None or gain.high == math.inf:
        return math.inf
    half = (math.log(gain.high) - math.log(gain.low)) / 2
    needed = max(math.log(gain.median), math.log1p(regret) - math.log(gain.median))
    return LEAST_TIMES * (half / needed) ** 2


def find_times_for_bound(bound: float, regret: float) -> float:
    """Return how many times as much time makes a race's bound on the regret as small as was asked for.

    Args:
        bound: the bound, as a share.
        regret: the regret that was asked for, as a share.
    """
    return LEAST_TIMES * (math.log1p(bound) / math.log1p(regret)) ** 2


def estimate_longer_s(needed_s: float, given_s: float, most_times: float = MOST_TIMES) -> float | None:
    """Return the longer budget to name, in seconds; None where it would be far longer than the given one.

    Args:
        needed_s: seconds that would be needed, about; infinity where nobody knows.
        given_s: seconds that were given.
        most_times: most times the given one; default 10. Noise is seldom worth more, but trials that are
            missing take what they take.
    """
    longer_s = max(needed_s, LEAST_TIMES * given_s)
    return longer_s if longer_s < math.inf and longer_s <= most_times * given_s else None


def estimate_budget_s(tuning: Tuning) -> float | None:
    """Return the budget in seconds with which an undecided tuning may decide; None where none can be named.

    Args:
        tuning: a tuning that has ended with its budget.
    """
    outcome, regret, spent_s = tuning.outcome, tuning.regret, tuning.seconds
    confirmed = outcome.confirmed.get(outcome.leader) if outcome.leader else None
    if confirmed is not None:
        needed_s = spent_s * find_times_for_gain(confirmed.gain, regret)
    elif not outcome.leader and outcome.regret_bound is not None:
        needed_s = spent_s * find_times_for_bound(outcome.regret_bound, regret)
    else:
        return estimate_longer_s(spent_s + _estimate_missing_s(tuning), spent_s, math.inf)
    return estimate_longer_s(needed_s, spent_s) if spent_s else None


def _estimate_missing_s(tuning: Tuning) -> float:
    """Return the seconds of the trials that had no time: unseen candidates, a short race and fresh blocks."""
    trials, seconds = tuning.trials, tuning.seconds
    fates = tuning.outcome.fates
    unseen = sum(
        number not in fates or fates[number].end == "unseen" for number in range(len(tuning.candidates))
    )
    return (unseen + 2 * (FEWEST_RACE_BLOCKS + BLOCKS)) * seconds / trials if trials else math.inf
