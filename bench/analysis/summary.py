"""Summary: one line a configuration, from the rows of a sweep."""

from __future__ import annotations

import math
import statistics
from collections.abc import Mapping
from typing import Any

import pandas as pd

from bench.analysis.ceiling_shares import (
    CeilingShare,
    find_ceiling_share,
    find_ceiling_throughputs,
    find_step_throughputs,
)
from bench.analysis.intervals import to_cells
from bench.analysis.ranking import Standing, list_work, rank_configurations
from bench.analysis.statistics import estimate, pair_ratios
from bench.analysis.throughputs import (
    compute_throughputs,
    divide_by_block,
    find_phase,
    find_sound,
    is_in_phase,
    select_counted,
)
from bench.records.row import find_knobs

# Columns of rows that are summarised by their median over the epochs of the phase.
MEDIANS = (
    "wall_s",
    "startup_s",
    "time_to_first_batch_s",
    "data_wait_s",
    "transfer_s",
    "step_s",
    "teardown_s",
    "train_loss",
    "cpu_s",
    "between_epochs_cpu_s",
    "shuffle_quality",
)
# The column `audit`, the weakest first.
AUDITS = ("count", "index", "content")
# Columns of a line, with the columns of `device.csv` whose medians they hold.
ON_DEVICE = {
    "device_data_s": "data_wait_s",
    "device_transfer_s": "transfer_s",
    "device_step_s": "step_s",
}


def summarise(
    runs: pd.DataFrame, ceilings: pd.DataFrame | None = None, device: pd.DataFrame | None = None
) -> pd.DataFrame:
    """Summarise the rows of a sweep, one line a configuration, in grid order.

    results/README.md explains the columns. A configuration with any row that isn't `ok` has no rank, no ratio
    and no share of a ceiling, and no other has a ratio to it.

    Args:
        runs: rows of `runs.csv`.
        ceilings: rows of `ceilings.csv`; None where no ceiling was measured.
        device: rows of `device.csv`; None where nothing was timed on a GPU.
    """
    phase = find_phase(runs)
    speeds = compute_throughputs(runs)
    sound = {number: speeds.get(number, {}) for number in find_sound(runs)}
    counted = select_counted(runs, phase)
    bounds = find_ceiling_throughputs(ceilings, phase)
    identities = identify_configurations(runs)
    work = {number: tuple(cells[name] for name in list_work(cells)) for number, cells in identities.items()}
    standings = rank_configurations(sound, work)
    lines = []
    for number, identity in identities.items():
        own, baseline = (sound.get(n, {}) for n in (number, identity["baseline"]))
        lines.append(
            {
                "configuration": number,
                **_standing_cells(standings.get(number)),
                **identity,
                "phase": phase,
                **_throughput_cells(speeds.get(number, {})),
                **to_cells("ratio", estimate(pair_ratios(own, baseline))),
                **_ceiling_cells(find_ceiling_share(identity, own, bounds)),
                **_step_cells(find_step_throughputs(identity, bounds), own, baseline),
                **_epoch_cells(counted[counted["configuration"] == number], phase),
                **_device_cells(device, number),
            }
        )
    summary: pd.DataFrame = pd.DataFrame(lines).astype({"rank": "Int64", "tied": "boolean"})
    return summary


def identify_configurations(runs: pd.DataFrame) -> dict[int, dict[str, Any]]:
    """Return the cells that tell each configuration from others, with status and error, by its number.

    Args:
        runs: rows of `runs.csv`.
    """
    return {int(str(number)): _identify(rows) for number, rows in runs.groupby("configuration", sort=True)}


def _identify(rows: pd.DataFrame) -> dict[str, Any]:
    """Return the cells that tell a configuration from others, with its status and its error."""
    first = rows.iloc[0]
    names = ("baseline", "family", "dataset", "device", *find_knobs(list(rows.columns)), "num_threads")
    ok = rows[rows["status"] == "ok"]
    bad = rows[rows["status"] != "ok"]
    delivered = first if ok.empty else ok.iloc[0]
    return {
        **{name: first[name] for name in (*names, "step", "loss", "cuda_graph")},
        **{name: delivered[name] for name in ("sample_shape", "dtype")},
        "status": "ok" if bad.empty else bad["status"].iloc[0],
        "error": "" if bad.empty else bad["error"].iloc[0],
    }


def _standing_cells(standing: Standing | None) -> dict[str, Any]:
    return {
        "rank": None if standing is None else standing.rank,
        **to_cells("ratio_to_best", None if standing is None else standing.to_best),
        "tied": None if standing is None else standing.tied,
    }


def _throughput_cells(by_block: Mapping[int, float]) -> dict[str, Any]:
    speeds = pd.Series(by_block, dtype=float)
    return {
        "blocks": len(speeds),
        **to_cells("samples_per_s", estimate(list(speeds))),
        "samples_per_s_slowest": speeds.min(),
        "samples_per_s_fastest": speeds.max(),
        "samples_per_s_deviation": speeds.std() / speeds.mean(),
    }


def _ceiling_cells(found: CeilingShare | None) -> dict[str, Any]:
    return {
        "ceiling": "" if found is None else found.name,
        "ceiling_samples_per_s": math.nan if found is None else found.samples_per_s,
        **to_cells("ceiling_share", None if found is None else found.share),
    }


def _step_cells(
    step: Mapping[int, float], own: Mapping[int, float], baseline: Mapping[int, float]
) -> dict[str, Any]:
    """Return what the step alone reaches, and how near a configuration and its baseline come to it.

    Args:
        step: samples per second of the step alone in each block; empty where it wasn't measured.
        own: the same of the configuration.
        baseline: the same of its baseline.
    """
    return {
        "step_samples_per_s": statistics.median(step.values()) if step else math.nan,
        **to_cells("step_share", estimate(pair_ratios(own, step))),
        **to_cells("possible_ratio", estimate(pair_ratios(step, baseline))),
    }


def _epoch_cells(counted: pd.DataFrame, phase: str) -> dict[str, Any]:
    """Return what the epochs of a configuration took, from its rows that count."""
    timed = counted[is_in_phase(counted, phase)]
    cold = divide_by_block(counted[counted["epoch"] == 0], ["configuration"]).values()
    return {
        "cold_samples_per_s": pd.Series(next(iter(cold), {}), dtype=float).median(),
        # Without dropna, pandas 2 warns where every value is unknown.
        **{name: timed[name].dropna().median() for name in MEDIANS},
        # A loader is built once, before its first epoch.
        "build_s": counted["build_s"].dropna().median(),
        "peak_memory_bytes": timed["peak_memory_bytes"].max(),
        "peak_anonymous_bytes": timed["peak_anonymous_bytes"].max(),
        "processes": timed["processes"].max(),
        "audit": _find_weakest(timed),
        "audited_share": timed["audited_share"].min(),
        "disturbed_blocks": timed.loc[timed["disturbed"] != "", "block"].nunique(),
    }


def _find_weakest(timed: pd.DataFrame) -> str:
    """Return the weakest audit of some trials, each by the strictest of its epochs; empty for none."""
    ranks = timed["audit"].map({audit: rank for rank, audit in enumerate(AUDITS)})
    if ranks.empty or ranks.isna().any():
        return ""
    return AUDITS[int(ranks.groupby(timed["block"]).max().min())]


def _device_cells(device: pd.DataFrame | None, number: int) -> dict[str, float]:
    """Return what the parts of an epoch took on the device."""
    if device is None:
        return dict.fromkeys(ON_DEVICE, math.nan)
    rows = device[(device["configuration"] == number) & (device["status"] == "ok")]
    return {name: rows[column].dropna().median() for name, column in ON_DEVICE.items()}
