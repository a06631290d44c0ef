"""Throughputs: the samples per second of each block, from the rows that count."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

# Samples per second of each block, by configuration.
Throughputs = Mapping[int, Mapping[int, float]]


def find_phase(runs: pd.DataFrame) -> str:
    """Return the phase that a summary of these rows describes: `steady`, or `cold` where no epoch is steady.

    A configuration that failed has no say in it.
    """
    sound = runs[runs["configuration"].isin(find_sound(runs))]
    return "steady" if ((runs if sound.empty else sound)["epoch"] > 0).any() else "cold"


def is_in_phase(rows: pd.DataFrame, phase: str) -> pd.Series[bool]:
    """Tell for each row whether it is of that phase: `cold` is the first epoch, `steady` all others."""
    return (rows["epoch"] > 0) == (phase == "steady")


def find_sound(runs: pd.DataFrame) -> list[int]:
    """Return the numbers of the configurations of which every row is `ok`."""
    ok = (runs["status"] == "ok").groupby(runs["configuration"]).all()
    return [int(str(number)) for number in ok.index[ok]]


def select_counted(runs: pd.DataFrame, phase: str) -> pd.DataFrame:
    """Select the rows that figures rest on: status `ok`, and one attempt a block.

    A disturbed trial is repeated once at the end of its block. The first attempt with undisturbed epochs of
    the phase counts. Where both were disturbed, the second counts.

    Args:
        runs: rows as `read_runs` returns them.
        phase: `steady` or `cold`.
    """
    ok = runs[runs["status"] == "ok"]
    trial = ["configuration", "block", "attempt"]
    timed = is_in_phase(ok, phase)
    tried = ok[trial].assign(timed=timed, disturbed=timed & (ok["disturbed"] != ""))
    attempts = tried.groupby(trial, as_index=False).any()
    merit = attempts["timed"].astype(int) + (attempts["timed"] & ~attempts["disturbed"])
    attempts = attempts.assign(merit=merit, order=attempts["attempt"].where(merit == 1, -attempts["attempt"]))
    chosen = attempts.sort_values(["merit", "order"]).groupby(["configuration", "block"])["attempt"].last()
    counted: pd.DataFrame = ok[
        ok["attempt"] == chosen.reindex(pd.MultiIndex.from_frame(ok[trial[:2]])).to_numpy()
    ]
    return counted


def compute_throughputs(runs: pd.DataFrame) -> dict[int, dict[int, float]]:
    """Compute the samples per second of each block of each configuration, in the summarised phase."""
    phase = find_phase(runs)
    counted = select_counted(runs, phase)
    by_block = divide_by_block(counted[is_in_phase(counted, phase)], ["configuration"])
    return {number: speeds for (number,), speeds in by_block.items()}


def divide_by_block(rows: pd.DataFrame, columns: Sequence[str]) -> dict[tuple[Any, ...], dict[int, float]]:
    """Divide all samples of a block by all its seconds, for each combination of values in the columns."""
    sums = rows.groupby([*columns, "block"], dropna=False)[["samples", "wall_s"]].sum()
    found: dict[tuple[Any, ...], dict[int, float]] = {}
    for (*key, block), samples, wall_s in zip(
        sums.index.tolist(), sums["samples"], sums["wall_s"], strict=True
    ):
        if wall_s > 0:
            found.setdefault(tuple(key), {})[block] = samples / wall_s
    return found
