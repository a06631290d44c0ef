"""Stopping rule: the configurations that need another block for the precision that was asked for."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from bench.analysis.ranking import group_by_work
from bench.analysis.statistics import Estimate, estimate, pair_ratios
from bench.analysis.summary import summarise
from bench.analysis.throughputs import compute_throughputs
from bench.analysis.ties import is_tied

# An interval can be narrow by chance, and stopping at the first narrow one selects such chances. Stopping
# from six blocks on left a coverage of 89% at worst instead of 95% (300 simulated sweeps a case, normal and
# contaminated noise). Stopping from eight on, when narrow in two looks in a row, left 93% to 96% (600 a case,
# normal noise of 2% and 5%).
MIN_BLOCKS = 8


def find_open_contenders(runs: pd.DataFrame, precision: float) -> list[int]:
    """Return the numbers of the configurations that need another block.

    Among configurations that do the same work, the contenders are the best and all that aren't yet shown to
    be slower. A contender is settled once the interval of its ratio to the best is narrow enough. The best
    goes on for as long as any other contender does. A configuration that is alone of its work is settled by
    the interval of its own throughput.

    Each look at the figures is one more chance to be misled. So a configuration is called slower, or its
    interval narrow, only where the figures show it both with the last block and without it. An interval is
    never called narrow before 8 blocks. Of two equal configurations, looked at from 3 to 16 blocks, one was
    called slower at some time in 9% of simulated sweeps by one look, and in 5% by two in a row.

    Args:
        runs: rows of `runs.csv` so far.
        precision: half width of a 95% interval, as a share; 0.03 is ±3%.

    Returns:
        Numbers in ascending order; none where the sweep may stop.
    """
    speeds = compute_throughputs(runs)
    found: list[int] = []
    for group in group_by_work(summarise(runs)):
        best, *others = (int(number) for number in group["configuration"])
        ratios = {number: pair_ratios(speeds[number], speeds[best]) for number in others}
        open_ones = [
            number
            for number in others
            if not (_is_slower(ratios[number]) or _is_settled(ratios[number], precision))
        ]
        alone = not others and not _is_settled(list(speeds[best].values()), precision)
        found += [best, *open_ones] if open_ones or alone else []
    return sorted(found)


def _is_settled(values: Sequence[float], precision: float) -> bool:
    """Judge whether there are enough blocks, and the interval is narrow in both looks."""
    widths = [look.half_width for look in _take_looks(values)]
    return len(values) >= MIN_BLOCKS and all(width is not None and width <= precision for width in widths)


def _is_slower(ratios_to_best: Sequence[float]) -> bool:
    """Judge whether a configuration is slower than the best in every look there is."""
    looks = _take_looks(ratios_to_best)
    return bool(looks) and all(is_tied(look) is False for look in looks)


def _take_looks(values: Sequence[float]) -> list[Estimate]:
    """Return the estimate of all blocks, and that without the last one."""
    return [look for look in (estimate(values), estimate(values[:-1])) if look is not None]
