"""Statistics over blocks: medians, their intervals, and ratios."""

from __future__ import annotations

import math
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.special import bdtr, bdtrc, ndtr, stdtrit

CONFIDENCE = 0.95
FEWEST_BLOCKS = 3
# With fewer no bootstrap reaches 95%: it stays in the range of the blocks, and the range of five misses the
# median in 2 × 0.5⁵ = 6% of cases.
FEWEST_FOR_BOOTSTRAP = 6


@dataclass(frozen=True)
class Estimate:
    """Median of one value a block, and its 95% confidence interval.

    Attributes:
        median: median of the blocks.
        low: lower end of the interval; None where there are too few blocks for one.
        high: upper end of the interval; None where there are too few blocks for one.
        blocks: number of blocks.
    """

    median: float
    low: float | None
    high: float | None
    blocks: int

    @property
    def half_width(self) -> float | None:
        """Reach of the interval to each side of its geometric middle, as a share; 0.03 is ±3%."""
        return None if self.low is None or self.high is None else math.sqrt(self.high / self.low) - 1


def estimate(values: Sequence[float]) -> Estimate | None:
    """Estimate the median of one value a block, with its 95% confidence interval.

    Blocks are the unit, since most of the variance arises between processes (Kalibera & Jones, ISMM 2013).

    Six blocks and more: the expanded percentile bootstrap of the median, which resamples blocks (Hesterberg,
    The American Statistician 69(4), 2015). The plain percentiles lie too close together, because few blocks
    spread less than their distribution. Expanded percentiles hold 95%, and an outlier doesn't stretch them.

    Three to five blocks: Student's t of the mean logarithm, which holds its level with so few values (Georges
    et al., OOPSLA 2007). Logarithms, because throughputs and their ratios vary by factors.

    Two blocks give no interval: the correct one reaches 13 standard errors to each side.

    Args:
        values: one positive value a block.

    Returns:
        None for no value at all.
    """
    if not values:
        return None
    median = statistics.median(values)
    if len(values) < FEWEST_BLOCKS:
        return Estimate(median, None, None, len(values))
    interval = _student_t if len(values) < FEWEST_FOR_BOOTSTRAP else _expanded_bootstrap
    low, high = interval(values)
    # The mean of a skewed set lies beside its median, but an interval shown around a median must hold it.
    return Estimate(median, min(low, median), max(high, median), len(values))


def pair_ratios(values: Mapping[int, float], baseline: Mapping[int, float]) -> list[float]:
    """Return the ratio to the baseline inside each block that both have.

    A disturbance that slows a whole block cancels out.

    Args:
        values: one value a block.
        baseline: one value a block.
    """
    return [value / baseline[block] for block, value in sorted(values.items()) if block in baseline]


def _student_t(values: Sequence[float]) -> tuple[float, float]:
    # Relative to the first value, so that equal values have logarithm 0 and an interval without width.
    logs = [math.log(value / values[0]) for value in values]
    centre, spread = statistics.mean(logs), statistics.stdev(logs)
    reach = float(stdtrit(len(logs) - 1, (1 + CONFIDENCE) / 2)) * spread / math.sqrt(len(logs))
    return values[0] * math.exp(centre - reach), values[0] * math.exp(centre + reach)


def _expanded_bootstrap(values: Sequence[float]) -> tuple[float, float]:
    """Return Hesterberg's expanded percentiles of the bootstrap distribution of the median."""
    count = len(values)
    quantile = math.sqrt(count / (count - 1)) * float(stdtrit(count - 1, (1 + CONFIDENCE) / 2))
    tail = float(ndtr(-quantile))
    medians, chances = _bootstrap_medians(values)
    low = medians[np.searchsorted(np.cumsum(chances), tail)]
    high = medians[::-1][np.searchsorted(np.cumsum(chances[::-1]), tail)]
    return float(low), float(high)


def _bootstrap_medians(values: Sequence[float]) -> tuple[np.ndarray, np.ndarray]:
    """Return every median that a resample can have, ascending, and the probability of each.

    This is the exact distribution that scipy.stats.bootstrap approximates by resampling. A draw is at most
    the i-th smallest value with probability i/n, so the order statistics of a resample are binomial.
    """
    count = len(values)
    ordered = np.sort(np.asarray(values, dtype=float))
    ranks = np.arange(1, count + 1)
    middle = (count + 1) // 2
    # Probability that the middle draw (of an even number, the lower one) is the i-th smallest value.
    chances = np.diff(bdtrc(middle - 1, count, ranks / count), prepend=0.0)
    if count % 2:
        return ordered, chances
    # Six standard deviations of the rank to each side: many blocks would otherwise make millions of pairs.
    first = max(0, middle - math.ceil(3 * math.sqrt(count)))
    window = slice(first, count - first)
    # One half of the draws is at most the i-th value, the other at least the j-th, and each value is drawn.
    halves = np.diff((2 * np.arange(first, count - first + 1) / count) ** middle)
    ways = np.diff(bdtr([middle - 1, middle], count, 0.5))
    pairs = np.triu(ways * np.outer(halves, halves[::-1]), k=1)
    pairs += np.diag(chances[window] - pairs.sum(axis=1))
    lower, upper = np.triu_indices(len(halves))
    medians = (ordered[window][lower] + ordered[window][upper]) / 2
    order = np.argsort(medians)
    return medians[order], pairs[lower, upper][order]
