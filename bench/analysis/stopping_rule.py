"""Repeats: which configurations need another block before their figures are as narrow as was asked for."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from bench.analysis.ranking import group_by_work
from bench.analysis.statistics import Estimate, estimate, paired_ratios
from bench.analysis.summary import summarise
from bench.analysis.throughputs import block_throughputs
from bench.analysis.verdict import is_tied

# An interval can be narrow by chance, and whoever stops at the first such picks it: from six blocks on that
# left 89% coverage of 95 at worst (300 simulated sweeps a case, normal and contaminated noise). From eight,
# and narrow in two looks in a row, it was 93% to 96% (600 a case, normal noise of 2% and 5% only).
MIN_BLOCKS = 8


def find_open_contenders(runs: pd.DataFrame, precision: float) -> list[int]:
    """The numbers of the configurations that need another block; none where the sweep may stop.

    Among those that do the same work, contenders are the best and all not yet shown to be slower. One is
    settled once the 95% interval of its ratio to the best reaches at most `precision` (a share) to each side.
    The best goes on for as long as any other does, and no longer: who has shaken off all others needs no
    narrower figure. One that is alone of its work is settled by the interval of its own throughput.

    Each look is one more chance to be misled, so both are believed only when seen with the last block and
    without it, and a narrow interval not before 8 blocks. Of two equals, looked at from 3 to 16 blocks, one
    was called slower in 9% of simulated sweeps at some time, and twice in a row in 5%.
    """
    speeds = block_throughputs(runs)
    found: list[int] = []
    for group in group_by_work(summarise(runs)):
        best, *others = (int(number) for number in group["configuration"])
        values = {number: paired_ratios(speeds[number], speeds[best]) for number in others}
        open_ones = [
            number
            for number in others
            if not (_slower(values[number]) or _settled(values[number], precision))
        ]
        alone = not others and not _settled(list(speeds[best].values()), precision)
        found += [best, *open_ones] if open_ones or alone else []
    return sorted(found)


def _settled(values: Sequence[float], precision: float) -> bool:
    """Whether there are enough blocks, and the interval is narrow in both looks."""
    widths = [look.half_width for look in _looks(values)]
    return len(values) >= MIN_BLOCKS and all(width is not None and width <= precision for width in widths)


def _slower(ratios_to_best: Sequence[float]) -> bool:
    """Whether every look there is shows it to be slower."""
    looks = _looks(ratios_to_best)
    return bool(looks) and all(is_tied(look.median, look.low, look.high) is False for look in looks)


def _looks(values: Sequence[float]) -> list[Estimate]:
    """The estimate of all blocks, and that without the last one."""
    return [look for look in (estimate(values), estimate(values[:-1])) if look is not None]
