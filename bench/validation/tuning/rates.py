"""Rates: how often tunings find the best or a tie, and claim a gain that isn't there."""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.special import betaincinv

from bench.analysis.statistics import CONFIDENCE
from bench.analysis.tuning.outcome import Verdict
from bench.validation.tuning.judged_tuning import JudgedTuning

# Share of the tunings that may miss the best and all ties, claim a gain that isn't there, lose the fastest
# in the race, or bound the regret too low. Of few tunings one may.
MOST_WRONG = 0.05


@dataclass(frozen=True)
class Rate:
    """Counts of the tunings of one line of the table.

    Attributes:
        name: what was tuned.
        noise: noise of the trials, in words.
        tunings: the tunings, at least one.
        must_find: whether the best or a tie must be found; not where the budget is too short for all.
    """

    name: str
    noise: str
    tunings: Sequence[JudgedTuning]
    must_find: bool = True

    @property
    def total(self) -> int:
        """Number of tunings."""
        return len(self.tunings)

    @property
    def found(self) -> int:
        """Number of tunings that chose the best or a tie."""
        return self._count(lambda one: one.is_found)

    @property
    def leading(self) -> int:
        """Number of tunings whose race was led by the best or a tie."""
        return self._count(lambda one: one.is_leader_best)

    @property
    def false(self) -> int:
        """Number of tunings that claim a gain that isn't there."""
        return self._count(lambda one: one.is_false)

    @property
    def broken(self) -> int:
        """Number of tunings whose bound on the regret is too small."""
        return self._count(lambda one: one.is_bound_broken)

    @property
    def lost(self) -> int:
        """Number of tunings whose race dropped the fastest configuration in it."""
        return self._count(lambda one: one.is_best_lost)

    @property
    def with_interval(self) -> int:
        """Number of tunings that quote a gain with an interval."""
        return self._count(lambda one: one.holds_gain is not None)

    @property
    def held(self) -> int:
        """Number of intervals that hold the true gain."""
        return self._count(lambda one: bool(one.holds_gain))

    @property
    def time_share(self) -> float | None:
        """Median time of a tuning over that of a sweep of the whole grid; None where nobody knows that."""
        shares = [one.time_share for one in self.tunings if one.time_share is not None]
        return statistics.median(shares) if shares else None

    @property
    def passes(self) -> bool:
        """True if it is good enough."""
        allowed = max(1, math.floor(MOST_WRONG * self.total))
        missed = self.total - self.found if self.must_find else 0
        return max(missed, self.false, self.broken, self.lost) <= allowed

    def count_verdict(self, verdict: Verdict) -> int:
        """Return the number of tunings with a verdict."""
        return self._count(lambda one: one.verdict == verdict)

    def find_regrets(self) -> tuple[float, float, float]:
        """Return the median, the 95th percentile and the largest of the regrets."""
        regrets = [one.regret for one in self.tunings]
        median, high = np.percentile(regrets, [50, 95])
        return float(median), float(high), max(regrets)

    def _count(self, holds: Callable[[JudgedTuning], bool]) -> int:
        return sum(holds(one) for one in self.tunings)


def bound_share(count: int, total: int) -> tuple[float, float]:
    """Return the 95% confidence interval of a share (Clopper & Pearson, Biometrika 26, 1934).

    Args:
        count: number of cases that have a property.
        total: number of cases, at least one.
    """
    tail = (1 - CONFIDENCE) / 2
    low = float(betaincinv(count, total - count + 1, tail)) if count else 0.0
    high = float(betaincinv(count + 1, total - count, 1 - tail)) if count < total else 1.0
    return low, high
