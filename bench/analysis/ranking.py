"""Ranking: the order of the configurations that do the same work."""

from __future__ import annotations

import statistics
from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass

import pandas as pd

from bench.analysis.statistics import Estimate, estimate, pair_ratios
from bench.analysis.throughputs import Throughputs
from bench.analysis.ties import find_ties

# Configurations that agree in these columns do the same work, and are ranked against each other. A loader of
# a user's own may have no batch size.
WORK = ("dataset", "device", "sample_shape", "dtype", "batch_size", "step", "loss")


def list_work(names: Iterable[str]) -> list[str]:
    """Return the columns that tell kinds of work apart, of those that a table has.

    Args:
        names: columns of the table.
    """
    known = set(names)
    return [name for name in WORK if name in known]


@dataclass(frozen=True)
class Standing:
    """Place of one configuration among those that do the same work.

    Attributes:
        rank: place, 1 for the best.
        to_best: ratio of its throughput to that of the best, taken inside each block; None where they have
            no block in common.
        tied: whether it is one of several that can't be told from the best; None where nobody knows yet.
    """

    rank: int
    to_best: Estimate | None
    tied: bool | None


def rank_configurations(speeds: Throughputs, work: Mapping[int, Hashable]) -> dict[int, Standing]:
    """Rank the configurations that do the same work.

    Args:
        speeds: samples per second of each block, by configuration. One without any block gets no standing.
        work: the kind of work of each configuration.

    Returns:
        The standing of each configuration, by its number.
    """
    medians = {number: statistics.median(blocks.values()) for number, blocks in speeds.items() if blocks}
    groups: dict[Hashable, list[int]] = {}
    for number in sorted(medians, key=lambda number: (-medians[number], number)):
        groups.setdefault(work[number], []).append(number)
    standings: dict[int, Standing] = {}
    for numbers in groups.values():
        best = _find_best(numbers, speeds)
        to_best = {number: estimate(pair_ratios(speeds[number], speeds[best])) for number in numbers}
        tied = find_ties(best, to_best)
        for rank, number in enumerate(sorted(numbers, key=lambda number: number != best), start=1):
            standings[number] = Standing(rank, to_best[number], tied[number])
    return standings


def group_by_work(summary: pd.DataFrame) -> list[pd.DataFrame]:
    """Return the ranked lines of a summary, one group for each kind of work, each with the best first.

    A kind that holds a baseline comes first, then the order is that of the grid.
    """
    ranked = summary[summary["rank"].notna()].sort_values("rank")
    baselines = set(summary["baseline"])

    def place(group: pd.DataFrame) -> tuple[bool, int]:
        return not group["configuration"].isin(baselines).any(), int(group["configuration"].min())

    groups = [group for _, group in ranked.groupby(list_work(ranked.columns), dropna=False, sort=False)]
    return sorted(groups, key=place)


def _find_best(numbers: Sequence[int], speeds: Throughputs) -> int:
    """Return the fastest, from numbers in descending order of their median throughput.

    Two configurations may have been measured in different blocks, and medians over different blocks can
    mislead. One that is faster in the blocks they share replaces the one with the larger median.
    """
    best = numbers[0]
    for number in numbers[1:]:
        ratio = estimate(pair_ratios(speeds[number], speeds[best]))
        if ratio is not None and ratio.low is not None and ratio.low > 1:
            best = number
    return best
