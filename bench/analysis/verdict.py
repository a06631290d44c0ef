"""Verdict: the fastest of the configurations that do the same work, and its rivals."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import pandas as pd

from bench.analysis.ties import INDIFFERENT

Kind = Literal["alone", "unknown", "fastest", "equal", "tied"]


@dataclass(frozen=True)
class Verdict:
    """The fastest of the configurations that do the same work. Each goes by its number, the fastest first.

    Attributes:
        kind: `alone`, there is a single configuration; `unknown`, one near the best has no interval;
            `fastest`, the best is faster than all others; `equal`, the tie set lies within 2% of the best;
            `tied`, the tie set can't be told from the best.
        best: the configuration with the highest throughput.
        tied: the tie set, with the best in it; empty where nothing ties with the best.
        unknown: configurations near the best that have too few blocks for an interval.
        cheapest: the one of the tie set with the fewest processes; of several, the one with the least memory.
        blocks: fewest blocks of any configuration of the tie set.
    """

    kind: Kind
    best: int
    tied: tuple[int, ...]
    unknown: tuple[int, ...]
    cheapest: int
    blocks: int


def reach_verdict(group: pd.DataFrame) -> Verdict:
    """Reach the verdict on configurations that do the same work.

    Args:
        group: the ranked lines of a summary that do the same work, at least one.
    """
    group = group.sort_values("rank")
    best, others = int(group["configuration"].iloc[0]), group.iloc[1:]
    tied = _list_numbers(others[others["tied"].fillna(False)])
    unknown = _list_numbers(others[others["tied"].isna()])
    tie_set = group[group["configuration"].isin([best, *tied])]
    return Verdict(
        kind=_name_kind(tie_set, unknown, alone=others.empty),
        best=best,
        tied=(best, *tied) if tied else (),
        unknown=unknown,
        cheapest=_find_cheapest(tie_set),
        blocks=int(tie_set["blocks"].min()),
    )


def _name_kind(tie_set: pd.DataFrame, unknown: tuple[int, ...], *, alone: bool) -> Kind:
    if unknown:
        return "unknown"
    if len(tie_set) == 1:
        return "alone" if alone else "fastest"
    near = (tie_set["ratio_to_best_low"] >= 1 - INDIFFERENT) & (
        tie_set["ratio_to_best_high"] <= 1 / (1 - INDIFFERENT)
    )
    return "equal" if near.all() else "tied"


def _list_numbers(lines: pd.DataFrame) -> tuple[int, ...]:
    return tuple(int(number) for number in lines["configuration"])


def _find_cheapest(tie_set: pd.DataFrame) -> int:
    # The processes are sampled, so a short-lived worker may be missing from their number.
    workers = pd.to_numeric(tie_set.get("num_workers", pd.Series("", tie_set.index)), errors="coerce")
    processes = pd.concat([workers.fillna(0) + 1, tie_set["processes"]], axis=1).max(axis=1)
    costs = tie_set.assign(cost=processes).sort_values(["cost", "peak_memory_bytes", "rank"])
    return int(costs["configuration"].iloc[0])
