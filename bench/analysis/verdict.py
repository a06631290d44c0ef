"""Verdict: what a summary allows to be said about configurations that do the same work."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import pandas as pd

# Two speeds this close are the same to anyone who trains.
INDIFFERENT = 0.02
# Less than this share of the best's speed, and no interval is asked for to call it slower.
NEAR = 0.5
RATIO = ["ratio_to_best", "ratio_to_best_low", "ratio_to_best_high"]

Kind = Literal["alone", "unknown", "fastest", "equal", "tied"]


@dataclass(frozen=True)
class Verdict:
    """Who is fastest among those that do the same work. Configurations go by their numbers, fastest first.

    kind: `alone`, a single configuration; `unknown`, one near the best has no interval; `fastest`, the best
    is faster than all others; `equal`, the tie set is within 2% of the best; `tied`, it can't be told apart.
    tied: the tie set with the best in it; empty where nothing ties with the best.
    unknown: those near the best, but with too few blocks for an interval.
    cheapest: of the tie set the one with the fewest processes, of those the one with the least memory.
    blocks: the fewest that one of the best and the tied was measured in.
    """

    kind: Kind
    best: int
    tied: tuple[int, ...]
    unknown: tuple[int, ...]
    cheapest: int
    blocks: int


def reach_verdict(group: pd.DataFrame) -> Verdict:
    """The verdict on the ranked lines of a summary that do the same work; there is one at least."""
    group = group.sort_values("rank")
    best, others = int(group["configuration"].iloc[0]), group.iloc[1:]
    standing = [is_tied(*line) for line in others[RATIO].itertuples(index=False)]
    numbers = [int(number) for number in others["configuration"]]
    tied = [number for number, ties in zip(numbers, standing, strict=True) if ties]
    unknown = [number for number, ties in zip(numbers, standing, strict=True) if ties is None]
    tie_set = group[group["configuration"].isin([best, *tied])]
    if unknown:
        kind: Kind = "unknown"
    elif tied:
        near = (tie_set["ratio_to_best_low"] >= 1 - INDIFFERENT) & (
            tie_set["ratio_to_best_high"] <= 1 / (1 - INDIFFERENT)
        )
        kind = "equal" if near.all() else "tied"
    else:
        kind = "alone" if others.empty else "fastest"
    return Verdict(
        kind=kind,
        best=best,
        tied=(best, *tied) if tied else (),
        unknown=tuple(unknown),
        cheapest=_cheapest(tie_set),
        blocks=int(tie_set["blocks"].min()),
    )


def is_tied(ratio: float, low: float | None, high: float | None) -> bool | None:
    """Whether a speed can't be told from the best's, by its ratio to it; None where nobody knows yet.

    It is one of the tie set where the 95% interval of the ratio reaches 1, or lies within 2% of it. It is
    slower where the interval does neither, or where the ratio is below a half, with an interval or without.
    """
    if ratio < NEAR:
        return False
    if low is None or high is None or math.isnan(low):
        return None
    return high >= 1 or low >= 1 - INDIFFERENT


def _cheapest(tie_set: pd.DataFrame) -> int:
    # Workers that a quarter of a second's sampling missed were processes nonetheless.
    workers = pd.to_numeric(tie_set.get("num_workers", pd.Series("", tie_set.index)), errors="coerce")
    processes = pd.concat([workers.fillna(0) + 1, tie_set["processes"]], axis=1).max(axis=1)
    costs = tie_set.assign(cost=processes).sort_values(["cost", "peak_memory_bytes", "rank"])
    return int(costs["configuration"].iloc[0])
