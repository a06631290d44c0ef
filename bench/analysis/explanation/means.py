"""Means over blocks, for values that may be 0 or negative, such as differences of rungs."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence

from scipy.special import stdtrit

from bench.analysis.statistics import CONFIDENCE, FEWEST_BLOCKS, Estimate


def estimate_mean(values: Sequence[float]) -> Estimate:
    """Estimate the mean of one value a block, with its 95% confidence interval.

    Student's t of the mean, as Georges et al. compare alternatives by their differences (OOPSLA 2007, 3.3).
    A difference may be 0 or negative, so it has no logarithm. Means of parts sum to the mean of the whole,
    which medians don't.

    Args:
        values: one value a block, of any sign; at least one.

    Returns:
        The mean, in the place of the median. The interval may reach below 0. Two blocks give none.
    """
    mean = math.fsum(values) / len(values)
    if len(values) < FEWEST_BLOCKS:
        return Estimate(mean, None, None, len(values))
    quantile = float(stdtrit(len(values) - 1, (1 + CONFIDENCE) / 2))
    reach = quantile * statistics.stdev(values) / math.sqrt(len(values))
    return Estimate(mean, mean - reach, mean + reach, len(values))
