"""The throughput of each block, from the rows that count."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

# The throughput of each block, by configuration.
Throughputs = Mapping[int, Mapping[int, float]]


def find_phase(runs: pd.DataFrame) -> str:
    """`steady` or `cold`: the epochs that a summary of these runs speaks of."""
    # Of what failed, no row decides what is said of the others.
    sound = runs[runs["configuration"].isin(find_sound(runs))]
    return "steady" if ((runs if sound.empty else sound)["epoch"] > 0).any() else "cold"


def in_phase(rows: pd.DataFrame, phase: str) -> pd.Series[bool]:
    """Which rows are of that phase."""
    return (rows["epoch"] > 0) == (phase == "steady")


def find_sound(runs: pd.DataFrame) -> list[int]:
    """The numbers of the configurations of which every row is `ok`."""
    ok = (runs["status"] == "ok").groupby(runs["configuration"]).all()
    return [int(str(number)) for number in ok.index[ok]]


def select_counted(runs: pd.DataFrame, phase: str) -> pd.DataFrame:
    """The rows that figures rest on: ok, and of one attempt a block.

    A trial that was disturbed is run once more in its block. The attempt whose epochs of the phase were not
    disturbed counts, the first of two such; where both were disturbed, the second.
    """
    ok = runs[runs["status"] == "ok"]
    trial = ["configuration", "block", "attempt"]
    timed = in_phase(ok, phase)
    tried = ok[trial].assign(timed=timed, disturbed=timed & (ok["disturbed"] != ""))
    attempts = tried.groupby(trial, as_index=False).any()
    merit = attempts["timed"].astype(int) + (attempts["timed"] & ~attempts["disturbed"])
    attempts = attempts.assign(merit=merit, order=attempts["attempt"].where(merit == 1, -attempts["attempt"]))
    chosen = attempts.sort_values(["merit", "order"]).groupby(["configuration", "block"])["attempt"].last()
    counted: pd.DataFrame = ok[
        ok["attempt"] == chosen.reindex(pd.MultiIndex.from_frame(ok[trial[:2]])).to_numpy()
    ]
    return counted


def block_throughputs(runs: pd.DataFrame) -> dict[int, dict[int, float]]:
    """Samples per second of each block of each configuration, in the phase that is summarised."""
    phase = find_phase(runs)
    counted = select_counted(runs, phase)
    by_block = sum_by_block(counted[in_phase(counted, phase)], ["configuration"])
    return {number: speeds for (number,), speeds in by_block.items()}


def sum_by_block(rows: pd.DataFrame, of: Sequence[str]) -> dict[tuple[Any, ...], dict[int, float]]:
    """The throughput of each block, for each combination of values in the columns `of`."""
    sums = rows.groupby([*of, "block"], dropna=False)[["samples", "wall_s"]].sum()
    found: dict[tuple[Any, ...], dict[int, float]] = {}
    for (*key, block), samples, wall_s in zip(
        sums.index.tolist(), sums["samples"], sums["wall_s"], strict=True
    ):
        if wall_s > 0:
            found.setdefault(tuple(key), {})[block] = samples / wall_s
    return found
