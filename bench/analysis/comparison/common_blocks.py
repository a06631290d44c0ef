"""Common blocks: whether two sides were measured side by side, so that ratios can be taken inside blocks."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pandas as pd

from bench.analysis.comparison.side import Side

FEWEST_BLOCKS = 2


def have_common_blocks(a: Side, b: Side) -> bool:
    """Return whether each block holds trials of both sides.

    A comparison of two commits records it. Otherwise it does where every trial of a block, of either side,
    started before any trial of the next block. Two sweeps that ran one after the other never look so, and
    neither do those of two machines.
    """
    if a.runs is None or b.runs is None or _read(a, "machine") != _read(b, "machine"):
        return False
    if _read(a, "common_blocks") is not None:
        return were_measured_together(a, b)
    starts = [_find_starts(side.runs) for side in (a, b) if side.runs is not None]
    shared = starts[0].index.intersection(starts[1].index)
    if len(shared) < FEWEST_BLOCKS:
        return False
    trials = pd.concat([own.loc[shared] for own in starts])
    if trials.isna().any(axis=None):
        return False
    blocks = trials.groupby(level="block")
    spans = zip(blocks["min"].min(), blocks["max"].max(), strict=True)
    return all(last <= first for (_, last), (first, _) in pairwise(spans))


def were_measured_together(a: Side, b: Side) -> bool:
    """Return whether the sides are those of one comparison of two commits, and so of one command."""
    recorded = _read(a, "common_blocks")
    return recorded is not None and bool(recorded == _read(b, "common_blocks"))


def are_same_trials(a: Side, b: Side) -> bool:
    """Return whether the sides hold the same trials: a folder and itself, or a copy of it."""
    if a.runs is None or b.runs is None:
        return False
    names = ["configuration", "block", "attempt", "epoch", "started_at", "wall_s", "status"]
    rows = [side.runs[names].reset_index(drop=True) for side in (a, b) if side.runs is not None]
    return bool((rows[0]["started_at"] != "").any()) and rows[0].equals(rows[1])


def _find_starts(runs: pd.DataFrame) -> pd.DataFrame:
    """Return the first and the last start of a trial of each block, NaT where one isn't known."""
    started = pd.to_datetime(runs["started_at"], errors="coerce", utc=True, format="ISO8601")
    starts: pd.DataFrame = started.groupby(runs["block"]).agg(["min", "max"])
    return starts


def _read(side: Side, part: str) -> Any:
    """Return the id in a part of environment.json; None where there is none."""
    found = (side.environment or {}).get(part)
    return found.get("id") if isinstance(found, dict) else None
