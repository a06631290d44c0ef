"""Shift: the difference of two sides in the logarithm of their throughput, and tests of how large it is.

There are two designs: the blocks of two sides are independent, or each block was measured on both. There are
two methods: Student's t for few blocks, ranks for many.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Protocol

import numpy as np
import numpy.typing as npt
from scipy.special import stdtr, stdtrit

Floats = npt.NDArray[np.float64]
# With fewer blocks on a side, an interval is too wide to decide anything.
FEWEST_BLOCKS = 3
# Ranks need this many blocks. With fewer, most of their error probabilities can't be reached.
FEWEST_FOR_RANKS = 6


class Shift(Protocol):
    """Difference of two sides, B minus A, in natural logarithms; negative where B is slower."""

    @property
    def centre(self) -> float:
        """Best estimate of the difference."""

    def test_below(self, limit: float) -> float:
        """Return the p-value of the hypothesis that the difference is `limit` or more."""

    def test_above(self, limit: float) -> float:
        """Return the p-value of the hypothesis that the difference is `limit` or less."""

    def find_bounds(self, error: float) -> tuple[float, float]:
        """Return the lower and the upper bound; each is wrong with probability `error`."""


@dataclass(frozen=True)
class StudentShift:
    """Difference of mean logarithms, with Student's t.

    Attributes:
        centre: difference of the means.
        deviation: its standard error.
        freedom: degrees of freedom.
    """

    centre: float
    deviation: float
    freedom: float

    def test_below(self, limit: float) -> float:
        """Return the p-value of the hypothesis that the difference is `limit` or more."""
        if self.deviation == 0:
            return float(self.centre >= limit)
        return float(stdtr(self.freedom, (self.centre - limit) / self.deviation))

    def test_above(self, limit: float) -> float:
        """Return the p-value of the hypothesis that the difference is `limit` or less."""
        return StudentShift(-self.centre, self.deviation, self.freedom).test_below(-limit)

    def find_bounds(self, error: float) -> tuple[float, float]:
        """Return the lower and the upper bound; each is wrong with probability `error`."""
        reach = 0.0 if self.deviation == 0 else float(stdtrit(self.freedom, 1 - error)) * self.deviation
        return self.centre - reach, self.centre + reach


@dataclass(frozen=True, eq=False)
class RankShift:
    """Median of elementary differences, with the exact distribution of their number above a limit.

    Attributes:
        differences: elementary differences in ascending order.
        chances: probability that at most k of them, for k from 0, lie above the true difference.
    """

    differences: Floats
    chances: Floats

    @property
    def centre(self) -> float:
        """Hodges–Lehmann estimate of the difference."""
        return float(np.median(self.differences))

    def test_below(self, limit: float) -> float:
        """Return the p-value of the hypothesis that the difference is `limit` or more."""
        above = len(self.differences) - int(np.searchsorted(self.differences, limit, side="left"))
        return float(self.chances[above])

    def test_above(self, limit: float) -> float:
        """Return the p-value of the hypothesis that the difference is `limit` or less."""
        return float(self.chances[int(np.searchsorted(self.differences, limit, side="right"))])

    def find_bounds(self, error: float) -> tuple[float, float]:
        """Return the lower and the upper bound; each is wrong with probability `error` at most."""
        left_out = int(np.searchsorted(self.chances, error, side="right")) - 1
        if left_out < 0:
            return -math.inf, math.inf
        return float(self.differences[left_out]), float(self.differences[-1 - left_out])


def compare_independent(a: Sequence[float], b: Sequence[float], smallest_error: float) -> Shift | None:
    """Compare two sides whose blocks have nothing in common.

    Few blocks: Welch's t of the mean logarithms (Biometrika 34, 1947), which lets the sides vary differently.
    More: the interval that belongs to the Mann–Whitney test, around the median of all differences between a
    block of B and one of A (Hodges & Lehmann, Annals of Mathematical Statistics 34, 1963). A disturbed block
    doesn't widen it.

    Args:
        a: one positive value a block of A.
        b: the same of B.
        smallest_error: smallest error probability that will be asked for. Where ranks can't reach it,
            Student's t is used.

    Returns:
        None where a side has fewer than 3 blocks.
    """
    logs_a, logs_b = np.log(a), np.log(b)
    if min(len(a), len(b)) < FEWEST_BLOCKS:
        return None
    if min(len(a), len(b)) >= FEWEST_FOR_RANKS:
        chances = _count_pairs_above(len(a), len(b))
        if chances[0] <= smallest_error:
            return RankShift(np.sort((logs_b[:, None] - logs_a).ravel()), chances)
    centre = float(logs_b.mean() - logs_a.mean())
    parts = [float(logs.var(ddof=1)) / len(logs) for logs in (logs_a, logs_b)]
    variance = sum(parts)
    if variance == 0:
        return StudentShift(centre, 0.0, len(a) + len(b) - 2.0)
    weights = sum(part**2 / (len(logs) - 1) for part, logs in zip(parts, (logs_a, logs_b), strict=True))
    return StudentShift(centre, math.sqrt(variance), variance**2 / weights)


def compare_paired(ratios: Sequence[float], smallest_error: float) -> Shift | None:
    """Compare two sides of which each block holds both.

    Few blocks: Student's t of the mean logarithm. More: the interval that belongs to Wilcoxon's signed-rank
    test, around the median of all means of two blocks (Hodges & Lehmann, 1963).

    Args:
        ratios: B over A in each block.
        smallest_error: smallest error probability that will be asked for. Where ranks can't reach it,
            Student's t is used.

    Returns:
        None for fewer than 3 blocks.
    """
    logs, count = np.log(ratios), len(ratios)
    if count < FEWEST_BLOCKS:
        return None
    if count >= FEWEST_FOR_RANKS:
        chances = _count_means_above(count)
        if chances[0] <= smallest_error:
            first, second = np.triu_indices(count)
            return RankShift(np.sort((logs[first] + logs[second]) / 2), chances)
    return StudentShift(float(logs.mean()), float(logs.std(ddof=1)) / math.sqrt(count), count - 1.0)


@lru_cache
def _count_pairs_above(size_a: int, size_b: int) -> Floats:
    """Return the cumulative distribution of the Mann–Whitney statistic.

    Entry k is the probability that at most k of all pairs have the larger value in B, where A and B don't
    differ.
    """
    # The largest of all values is one of A's, above none of B's, or one of B's, above all of A's.
    row = [np.ones(1) for _ in range(size_b + 1)]
    for of_a in range(1, size_a + 1):
        row[0] = np.ones(1)
        for of_b in range(1, size_b + 1):
            chances = np.zeros(of_a * of_b + 1)
            chances[: len(row[of_b])] += row[of_b] * of_a / (of_a + of_b)
            chances[of_a:] += row[of_b - 1] * of_b / (of_a + of_b)
            row[of_b] = chances
    cumulated: Floats = np.cumsum(row[size_b])
    return cumulated


@lru_cache
def _count_means_above(count: int) -> Floats:
    """Return the cumulative distribution of the signed-rank statistic.

    Entry k is the probability that at most k of all means of two values are above 0, where values lie evenly
    around 0.
    """
    chances = np.zeros(count * (count + 1) // 2 + 1)
    chances[0] = 1
    for rank in range(1, count + 1):
        chances[rank:] += chances[:-rank].copy()
        chances /= 2
    cumulated: Floats = np.cumsum(chances)
    return cumulated
