"""Pareto front: configurations that no other one beats in throughput and memory at once."""

from __future__ import annotations

import pandas as pd


def find_front(lines: pd.DataFrame) -> pd.DataFrame:
    """Return the lines of a summary that are on the Pareto front of throughput and memory.

    Args:
        lines: lines of one kind of work, with `samples_per_s` and `peak_memory_bytes`.

    Returns:
        Lines whose throughput no line with as little memory reaches, the least memory first. A line without a
        figure for its memory is not among them.
    """
    known = lines[lines["peak_memory_bytes"].notna()]
    ordered = known.sort_values(["peak_memory_bytes", "samples_per_s"], ascending=[True, False])
    best_before = ordered["samples_per_s"].cummax().shift(fill_value=0.0)
    front: pd.DataFrame = ordered[ordered["samples_per_s"] > best_before]
    return front
