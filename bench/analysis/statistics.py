"""Medians, intervals and ratios over blocks."""

from __future__ import annotations

import math
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.special import bdtr, bdtrc, ndtr, stdtrit

CONFIDENCE = 0.95
FEWEST_BLOCKS = 3
# Below this no bootstrap holds 95%: it can't leave the range of the blocks, and the range of five misses the
# median in 2 × 0.5⁵ = 6% of cases.
FEWEST_FOR_BOOTSTRAP = 6


@dataclass(frozen=True)
class Estimate:
    """A median and its 95% interval; the interval is None where there are too few blocks for one."""

    median: float
    low: float | None
    high: float | None
    blocks: int

    @property
    def half_width(self) -> float | None:
        """How far the interval reaches to each side of its middle, as a share: 0.03 is ±3%."""
        return None if self.low is None or self.high is None else math.sqrt(self.high / self.low) - 1


def estimate(values: Sequence[float]) -> Estimate | None:
    """The median of one positive value a block, with a 95% interval for it; None for no value at all.

    Blocks are the unit, since most of the variance arises between processes (Kalibera & Jones, ISMM 2013).
    Six and more: the expanded percentile bootstrap of the median, which resamples blocks (Hesterberg, The
    American Statistician 69(4), 2015). The plain percentiles lie too close together, since few blocks spread
    less than what they are drawn from; expanded they hold 95%, and an outlier doesn't stretch them. Three to
    five: Student's t of the mean logarithm, which holds what it promises with so few (Georges et al., OOPSLA
    2007). Logarithms, because speeds and their ratios vary by factors. Two values give no interval: the right
    one, 13 standard errors to each side, says nothing.
    """
    if not values:
        return None
    median = statistics.median(values)
    if len(values) < FEWEST_BLOCKS:
        return Estimate(median, None, None, len(values))
    interval = _student_t if len(values) < FEWEST_FOR_BOOTSTRAP else _expanded_bootstrap
    low, high = interval(values)
    # The mean of a skewed set lies beside its median: an interval shown around a median holds it.
    return Estimate(median, min(low, median), max(high, median), len(values))


def paired_ratios(values: Mapping[int, float], baseline: Mapping[int, float]) -> list[float]:
    """The ratio to the baseline inside each block that both have: what slows a whole block cancels out."""
    return [value / baseline[block] for block, value in sorted(values.items()) if block in baseline]


def _student_t(values: Sequence[float]) -> tuple[float, float]:
    # Over the first, so that equal values have the logarithm 0 and an interval without any width.
    logs = [math.log(value / values[0]) for value in values]
    centre, spread = statistics.mean(logs), statistics.stdev(logs)
    reach = float(stdtrit(len(logs) - 1, (1 + CONFIDENCE) / 2)) * spread / math.sqrt(len(logs))
    return values[0] * math.exp(centre - reach), values[0] * math.exp(centre + reach)


def _expanded_bootstrap(values: Sequence[float]) -> tuple[float, float]:
    """Hesterberg's percentiles of the bootstrap distribution of the median, at both ends."""
    count = len(values)
    quantile = math.sqrt(count / (count - 1)) * float(stdtrit(count - 1, (1 + CONFIDENCE) / 2))
    tail = float(ndtr(-quantile))
    medians, chances = _bootstrap_medians(values)
    low = medians[np.searchsorted(np.cumsum(chances), tail)]
    high = medians[::-1][np.searchsorted(np.cumsum(chances[::-1]), tail)]
    return float(low), float(high)


def _bootstrap_medians(values: Sequence[float]) -> tuple[np.ndarray, np.ndarray]:
    """Every median that a resample can have, ascending, and the chance of each.

    What scipy.stats.bootstrap approximates by resampling, in closed form: the i-th smallest value, or one
    below it, is drawn with the chance i/n, so the order statistics of a resample are binomial.
    """
    count = len(values)
    ordered = np.sort(np.asarray(values, dtype=float))
    ranks = np.arange(1, count + 1)
    middle = (count + 1) // 2
    # The chance that the middle one (of an even number, the lower of the two) is the i-th smallest value.
    chances = np.diff(bdtrc(middle - 1, count, ranks / count), prepend=0.0)
    if count % 2:
        return ordered, chances
    # Six standard deviations of the rank to each side, so that many blocks don't make millions of pairs.
    first = max(0, middle - math.ceil(3 * math.sqrt(count)))
    window = slice(first, count - first)
    # Half the draws at or below the i-th value with one at it, half at or above the j-th with one at it.
    halves = np.diff((2 * np.arange(first, count - first + 1) / count) ** middle)
    ways = np.diff(bdtr([middle - 1, middle], count, 0.5))
    pairs = np.triu(ways * np.outer(halves, halves[::-1]), k=1)
    pairs += np.diag(chances[window] - pairs.sum(axis=1))
    lower, upper = np.triu_indices(len(halves))
    medians = (ordered[window][lower] + ordered[window][upper]) / 2
    order = np.argsort(medians)
    return medians[order], pairs[lower, upper][order]
