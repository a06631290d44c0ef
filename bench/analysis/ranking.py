"""Rank the configurations that do the same work."""

from __future__ import annotations

import math
from typing import Any

import pandas as pd

from bench.analysis.statistics import Estimate, estimate, paired_ratios
from bench.analysis.throughputs import Throughputs
from bench.analysis.verdict import RATIO, reach_verdict

# What must be the same for two configurations to be ranked against each other: they do the same work.
WORK = ["dataset", "device", "sample_shape", "dtype", "batch_size", "step", "loss"]


def group_by_work(summary: pd.DataFrame) -> list[pd.DataFrame]:
    """The ranked lines of a summary, apart by what work they do, each group fastest first."""
    ranked = summary[summary["rank"].notna()].sort_values("rank")
    return [group for _, group in ranked.groupby(WORK, dropna=False, sort=False)]


def add_ranks(summary: pd.DataFrame, sound: Throughputs) -> None:
    """Add `rank`, `ratio_to_best` and `tied`, among those that do the same work."""
    fast = summary[summary["configuration"].isin(sound) & summary["samples_per_s"].notna()]
    ranks: dict[Any, int] = {}
    to_best: dict[Any, list[float]] = {}
    by_speed = fast.sort_values("samples_per_s", ascending=False, kind="stable")
    for _, group in by_speed.groupby(WORK, dropna=False):
        numbers = group["configuration"].to_dict()
        best = _best(list(numbers.values()), sound)
        ordered = sorted(numbers, key=lambda index: numbers[index] != best)
        ranks |= {index: rank for rank, index in enumerate(ordered, start=1)}
        to_best |= {
            index: interval_values(estimate(paired_ratios(sound[number], sound[best])))
            for index, number in numbers.items()
        }
    summary.insert(1, "rank", pd.Series(ranks, dtype="Int64").reindex(summary.index))
    for place, name in enumerate(RATIO):
        values = {index: interval[place] for index, interval in to_best.items()}
        summary.insert(2 + place, name, pd.Series(values, summary.index, dtype=float))
    tied: dict[int, bool | None] = {}
    for group in group_by_work(summary):
        found = reach_verdict(group)
        tied |= {number: number in found.tied for number in group["configuration"]}
        unclear = found.unknown if found.tied else (found.best, *found.unknown) * bool(found.unknown)
        tied |= dict.fromkeys(unclear)
    summary.insert(5, "tied", summary["configuration"].map(tied).astype("boolean"))


def _best(numbers: list[int], sound: Throughputs) -> int:
    """The fastest by its median, or who is faster than that one in the blocks that both have.

    They need not have been measured in the same blocks, and medians of different ones may mislead.
    """
    best = numbers[0]
    for number in numbers[1:]:
        found = estimate(paired_ratios(sound[number], sound[best]))
        if found is not None and found.low is not None and found.low > 1:
            best = number
    return best


def interval_values(found: Estimate | None) -> list[float]:
    values = (None, None, None) if found is None else (found.median, found.low, found.high)
    return [math.nan if value is None else value for value in values]
