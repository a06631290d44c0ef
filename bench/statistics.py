"""Medians, intervals and ratios over blocks."""

from __future__ import annotations

import math
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from scipy.special import stdtrit

CONFIDENCE = 0.95
FEWEST_BLOCKS = 3


@dataclass(frozen=True)
class Estimate:
    """A median and its 95% interval; the interval is None where there are too few blocks for one."""

    median: float
    low: float | None
    high: float | None
    blocks: int


def estimate(values: Sequence[float]) -> Estimate | None:
    """The median of one positive value a block, and Student's t interval of their mean logarithm.

    Blocks are the unit, since most of the variance arises between processes (Kalibera & Jones, ISMM 2013);
    with so few of them Student's t is the interval that holds what it promises (Georges et al., OOPSLA 2007).
    A bootstrap of three values can't reach past their range, and that range covers the median three times
    in four, not 95 in 100. Logarithms, because speeds and their ratios vary by factors. Two values give no
    interval: the right one, 13 standard errors to each side, says nothing. None for no value at all.
    """
    if not values:
        return None
    median = statistics.median(values)
    if len(values) < FEWEST_BLOCKS:
        return Estimate(median, None, None, len(values))
    logs = [math.log(value) for value in values]
    centre, spread = statistics.mean(logs), statistics.stdev(logs)
    reach = float(stdtrit(len(logs) - 1, (1 + CONFIDENCE) / 2)) * spread / math.sqrt(len(logs))
    low, high = math.exp(centre - reach), math.exp(centre + reach)
    # The mean of a skewed set lies beside its median: an interval shown around a median holds it.
    return Estimate(median, min(low, median), max(high, median), len(values))


def ratios(values: Mapping[int, float], baseline: Mapping[int, float]) -> list[float]:
    """The ratio to the baseline inside each block that both have: what slows a whole block cancels out."""
    return [value / baseline[block] for block, value in sorted(values.items()) if block in baseline]
