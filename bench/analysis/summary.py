"""One line a configuration, from the rows of a sweep."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import pandas as pd

from bench.analysis.ceiling_shares import ceiling_throughputs, find_binding_ceiling, name_interval
from bench.analysis.ranking import add_ranks
from bench.analysis.statistics import estimate, paired_ratios
from bench.analysis.throughputs import (
    block_throughputs,
    find_phase,
    find_sound,
    in_phase,
    select_counted,
    sum_by_block,
)
from bench.records.results_folder import knob_columns

TIMES = ["wall_s", "startup_s", "time_to_first_batch_s", "data_wait_s", "transfer_s", "step_s", "teardown_s"]


def summarise(
    runs: pd.DataFrame, ceilings: pd.DataFrame | None = None, device: pd.DataFrame | None = None
) -> pd.DataFrame:
    """Summarise the rows of a sweep: one line a configuration, in grid order.

    `phase` says which epochs a line speaks of: `steady`, those after the first of a process, or `cold`, the
    first, where a sweep had no other. A block's throughput is all its samples over all its time in that
    phase; `samples_per_s` is the median of the blocks, with its 95% interval in `_low` and `_high`, beside
    the `_slowest` and the `_fastest` block and their `_deviation`, the standard deviation over the mean.
    `ratio` is to the baseline, inside each block. `rank` orders those that do the same work, fastest first;
    `ratio_to_best` is to the first of them, and `tied` says whether it can't be told from others at the top:
    empty where nobody knows. A configuration with any row that isn't `ok` has none of these, nor has a
    ratio to it. Times and `shuffle_quality` are medians of epochs, memory and `processes` the most of any,
    `audited_share` the least. `disturbed_blocks` counts the blocks that rest on disturbed epochs.

    ceilings: the rows of `ceilings.csv`, of what no loader can beat. `ceiling` is the one that binds, `step`,
    `read` or `bus`, `ceiling_samples_per_s` its throughput, and `ceiling_share` how much of it is reached, inside
    each block; empty without.

    device: the rows of `device.csv`. `device_data_s`, `device_transfer_s` and `device_step_s` are what an
    epoch's own kernels of the loader, copies and steps took on the device.
    """
    phase = find_phase(runs)
    speeds = block_throughputs(runs)
    sound = {number: speeds.get(number, {}) for number in find_sound(runs)}
    counted = select_counted(runs, phase)
    bounds = ceiling_throughputs(ceilings, phase)
    lines = []
    for _, rows in runs.groupby("configuration"):
        identity = _identity(rows)
        number = identity["configuration"]
        own, baseline = (sound.get(n, {}) for n in (number, identity["baseline"]))
        lines.append(
            {
                **identity,
                "phase": phase,
                **_speeds(speeds.get(number, {})),
                **name_interval("ratio", estimate(paired_ratios(own, baseline))),
                **find_binding_ceiling(identity, own, bounds),
                **_measures(counted[counted["configuration"] == number], phase),
                **_on_device(device, number),
            }
        )
    summary: pd.DataFrame = pd.DataFrame(lines)
    add_ranks(summary, sound)
    return summary


def _identity(rows: pd.DataFrame) -> dict[str, Any]:
    first = rows.iloc[0]
    names = ["configuration", "baseline", "family", "dataset", "device", *knob_columns(rows), "num_threads"]
    ok = rows[rows["status"] == "ok"]
    bad = rows[rows["status"] != "ok"]
    delivered = first if ok.empty else ok.iloc[0]
    return {
        **{name: first[name] for name in [*names, "step", "loss", "cuda_graph"]},
        **{name: delivered[name] for name in ("sample_shape", "dtype")},
        "status": "ok" if bad.empty else bad["status"].iloc[0],
        "error": "" if bad.empty else bad["error"].iloc[0],
    }


def _speeds(by_block: Mapping[int, float]) -> dict[str, Any]:
    speeds = pd.Series(by_block, dtype=float)
    return {
        "blocks": len(speeds),
        **name_interval("samples_per_s", estimate(list(speeds))),
        "samples_per_s_slowest": speeds.min(),
        "samples_per_s_fastest": speeds.max(),
        "samples_per_s_deviation": speeds.std() / speeds.mean(),
    }


def _measures(counted: pd.DataFrame, phase: str) -> dict[str, Any]:
    timed = counted[in_phase(counted, phase)]
    cold = sum_by_block(counted[counted["epoch"] == 0], ["configuration"]).values()
    return {
        "cold_samples_per_s": pd.Series(next(iter(cold), {}), dtype=float).median(),
        # Without dropna, pandas 2 warns where every value is unknown.
        **{
            name: timed[name].dropna().median() for name in [*TIMES, "train_loss", "cpu_s", "shuffle_quality"]
        },
        "peak_memory_bytes": timed["peak_memory_bytes"].max(),
        "peak_anonymous_bytes": timed["peak_anonymous_bytes"].max(),
        "processes": timed["processes"].max(),
        "audited_share": timed["audited_share"].min(),
        "disturbed_blocks": timed.loc[timed["disturbed"] != "", "block"].nunique(),
    }


def _on_device(device: pd.DataFrame | None, number: int) -> dict[str, float]:
    """What the device took for the parts of an epoch."""
    parts = {"device_data_s": "data_wait_s", "device_transfer_s": "transfer_s", "device_step_s": "step_s"}
    if device is None:
        return dict.fromkeys(parts, math.nan)
    rows = device[(device["configuration"] == number) & (device["status"] == "ok")]
    return {name: rows[column].dropna().median() for name, column in parts.items()}
