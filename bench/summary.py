"""One line a configuration, from the rows of a sweep."""

from __future__ import annotations

import math
import statistics
from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from bench.results import knob_columns
from bench.statistics import Estimate, estimate, ratios
from bench.verdict import RATIO, verdict

# What must be the same for two configurations to be ranked against each other: they do the same work.
WORK = ["dataset", "device", "sample_shape", "dtype", "batch_size", "step", "loss"]
TIMES = ["wall_s", "startup_s", "time_to_first_batch_s", "data_wait_s", "transfer_s", "step_s", "teardown_s"]
# What bounds a configuration is measured in the same sweep by a loader family of its own, and must agree with
# it in these columns.
LIMITS = {
    "step": (
        "step_alone",
        ["device", "num_threads", "step", "loss", "cuda_graph", "batch_size", "sample_shape"],
    ),
    "read": ("read_alone", ["dataset", "device", "num_threads", "batch_size"]),
    "bus": ("bus_alone", ["device", "num_threads", "batch_size", "resize", "scale_on"]),
}
# The throughput of each block, by configuration.
Throughputs = Mapping[int, Mapping[int, float]]


def summarise(
    runs: pd.DataFrame, limits: pd.DataFrame | None = None, device: pd.DataFrame | None = None
) -> pd.DataFrame:
    """Summarise the rows of a sweep: one line a configuration, in grid order.

    `phase` says which epochs a line speaks of: `steady`, those after the first of a process, or `cold`, the
    first, where a sweep had no other. A block's throughput is all its samples over all its time in that
    phase; `samples_per_s` is the median of the blocks, with its 95% interval in `_low` and `_high`, beside
    the `_slowest` and the `_fastest` block and their `_deviation`, the standard deviation over the mean.
    `ratio` is to the baseline, inside each block. `rank` orders those that do the same work, fastest first;
    `ratio_to_best` is to the first of them, and `tied` says whether it can't be told from others at the top:
    empty where nobody knows. A configuration with any row that isn't `ok` has none of these, nor has a
    ratio to it. Times and `mixing` are medians of epochs, memory and `processes` the most of any,
    `audited_share` the least. `disturbed_blocks` counts the blocks that rest on disturbed epochs.

    limits: the rows of `limits.csv`, of what no loader can beat. `limit` is the one that binds, `step`,
    `read` or `bus`, `limit_samples_per_s` its throughput, and `limit_share` how much of it is reached, inside
    each block; empty without.

    device: the rows of `device.csv`. `device_data_s`, `device_transfer_s` and `device_step_s` are what an
    epoch's own kernels of the loader, copies and steps took on the device.
    """
    phase = phase_of(runs)
    speeds = throughputs(runs)
    sound = {number: speeds.get(number, {}) for number in sound_configurations(runs)}
    counted = counting(runs, phase)
    bounds = _limits(limits, phase)
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
                **_named("ratio", estimate(ratios(own, baseline))),
                **_limit(identity, own, bounds),
                **_measures(counted[counted["configuration"] == number], phase),
                **_on_device(device, number),
            }
        )
    summary: pd.DataFrame = pd.DataFrame(lines)
    _rank(summary, sound)
    return summary


def phase_of(runs: pd.DataFrame) -> str:
    """`steady` or `cold`: the epochs that a summary of these runs speaks of."""
    # Of what failed, no row decides what is said of the others.
    sound = runs[runs["configuration"].isin(sound_configurations(runs))]
    return "steady" if ((runs if sound.empty else sound)["epoch"] > 0).any() else "cold"


def in_phase(rows: pd.DataFrame, phase: str) -> pd.Series[bool]:
    """Which rows are of that phase."""
    return (rows["epoch"] > 0) == (phase == "steady")


def sound_configurations(runs: pd.DataFrame) -> list[int]:
    """The numbers of the configurations of which every row is `ok`."""
    ok = (runs["status"] == "ok").groupby(runs["configuration"]).all()
    return [int(str(number)) for number in ok.index[ok]]


def counting(runs: pd.DataFrame, phase: str) -> pd.DataFrame:
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


def throughputs(runs: pd.DataFrame) -> dict[int, dict[int, float]]:
    """Samples per second of each block of each configuration, in the phase that is summarised."""
    phase = phase_of(runs)
    counted = counting(runs, phase)
    by_block = _by_block(counted[in_phase(counted, phase)], ["configuration"])
    return {number: speeds for (number,), speeds in by_block.items()}


def groups_of_work(summary: pd.DataFrame) -> list[pd.DataFrame]:
    """The ranked lines of a summary, apart by what work they do, each group fastest first."""
    ranked = summary[summary["rank"].notna()].sort_values("rank")
    return [group for _, group in ranked.groupby(WORK, dropna=False, sort=False)]


def _by_block(rows: pd.DataFrame, of: Sequence[str]) -> dict[tuple[Any, ...], dict[int, float]]:
    """The throughput of each block, for each combination of values in the columns `of`."""
    sums = rows.groupby([*of, "block"], dropna=False)[["samples", "wall_s"]].sum()
    found: dict[tuple[Any, ...], dict[int, float]] = {}
    for (*key, block), samples, wall_s in zip(
        sums.index.tolist(), sums["samples"], sums["wall_s"], strict=True
    ):
        if wall_s > 0:
            found.setdefault(tuple(key), {})[block] = samples / wall_s
    return found


def _rank(summary: pd.DataFrame, sound: Throughputs) -> None:
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
            index: _interval(estimate(ratios(sound[number], sound[best])))
            for index, number in numbers.items()
        }
    summary.insert(1, "rank", pd.Series(ranks, dtype="Int64").reindex(summary.index))
    for place, name in enumerate(RATIO):
        values = {index: interval[place] for index, interval in to_best.items()}
        summary.insert(2 + place, name, pd.Series(values, summary.index, dtype=float))
    tied: dict[int, bool | None] = {}
    for group in groups_of_work(summary):
        found = verdict(group)
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
        found = estimate(ratios(sound[number], sound[best]))
        if found is not None and found.low is not None and found.low > 1:
            best = number
    return best


def _limits(limits: pd.DataFrame | None, phase: str) -> dict[str, dict[tuple[Any, ...], dict[int, float]]]:
    """The throughput of each limit in each block, by what it bounds."""
    if limits is None:
        return {}
    # Families without a knob have an empty cell, and so have the limits of sweeps that didn't know it.
    knobs = {column for _, columns in LIMITS.values() for column in columns} - set(limits.columns)
    limits = limits.assign(**dict.fromkeys(knobs, ""))
    counted = counting(limits[limits["configuration"].isin(sound_configurations(limits))], phase)
    timed = counted[in_phase(counted, phase)]
    return {
        name: _by_block(timed[timed["family"] == family], columns)
        # Where one has failed, nobody knows whether it would have bound: the key of nothing says so.
        | ({(): {}} if ((limits["family"] == family) & (limits["status"] != "ok")).any() else {})
        for name, (family, columns) in LIMITS.items()
    }


def _limit(
    identity: Mapping[str, Any],
    own: Mapping[int, float],
    bounds: Mapping[str, dict[tuple[Any, ...], dict[int, float]]],
) -> dict[str, Any]:
    """The limit that binds, and the share of it that is reached."""
    here = {
        name: speeds[key]
        for name, speeds in bounds.items()
        if (key := tuple(identity.get(column, "") for column in LIMITS[name][1])) in speeds
        # What lies on the device is bounded neither by the bus nor by the host's memory.
        and (name == "step" or (name, identity["device"]) == ("read", "cpu") or identity.get("transfer"))
    }
    if any(() in speeds for name, speeds in bounds.items() if name not in here):
        here = {}
    # The slower of two binds.
    speed, name = min(
        ((statistics.median(speeds.values()), name) for name, speeds in here.items()), default=(math.nan, "")
    )
    share = estimate(ratios(own, here[name])) if name else None
    return {"limit": name, "limit_samples_per_s": speed, **_named("limit_share", share)}


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
        **_named("samples_per_s", estimate(list(speeds))),
        "samples_per_s_slowest": speeds.min(),
        "samples_per_s_fastest": speeds.max(),
        "samples_per_s_deviation": speeds.std() / speeds.mean(),
    }


def _measures(counted: pd.DataFrame, phase: str) -> dict[str, Any]:
    timed = counted[in_phase(counted, phase)]
    cold = _by_block(counted[counted["epoch"] == 0], ["configuration"]).values()
    return {
        "cold_samples_per_s": pd.Series(next(iter(cold), {}), dtype=float).median(),
        # Without dropna, pandas 2 warns where every value is unknown.
        **{name: timed[name].dropna().median() for name in [*TIMES, "train_loss", "cpu_s", "mixing"]},
        "peak_memory_bytes": timed["peak_memory_bytes"].max(),
        "peak_private_bytes": timed["peak_private_bytes"].max(),
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


def _named(name: str, found: Estimate | None) -> dict[str, float]:
    return dict(zip((name, f"{name}_low", f"{name}_high"), _interval(found), strict=True))


def _interval(found: Estimate | None) -> list[float]:
    values = (None, None, None) if found is None else (found.median, found.low, found.high)
    return [math.nan if value is None else value for value in values]


def varied(summary: pd.DataFrame) -> list[str]:
    """The columns that tell the configurations of a sweep apart.

    What only says `none`, or nothing, where another column rules it out adds nothing: a prefetch where there
    are no workers, a loss where there is no step.
    """
    known = ["family", "device", "step", "loss", "cuda_graph", *knobs_of(summary), "num_threads"]
    kept = [name for name in known if summary[name].nunique() > 1]

    def follows(name: str, other: str) -> bool:
        values = set(summary[name]) - {"none", ""}
        return len(values) < 2 and bool((summary.groupby(other)[name].nunique() == 1).all())

    # How batches are moved follows from the family and its memory, unless it was asked for.
    of = [name for name in ("family", "device", "pin_memory") if name in summary]
    if "transfer" in kept and (summary.groupby(of)["transfer"].nunique() == 1).all():
        kept.remove("transfer")
    for name in list(kept):
        if name not in ("family", "device", "step") and any(
            follows(name, other) for other in kept if other != name
        ):
            kept.remove(name)
    return kept


def names_of_work(summary: pd.DataFrame) -> tuple[list[str], list[str]]:
    """What tells apart kinds of work, and what tells apart the configurations that do the same work."""
    names = varied(summary)
    # Of what failed, nobody knows the shape of the samples.
    known = summary[summary["sample_shape"] != ""]
    groups = known.groupby(WORK, dropna=False)
    if len(groups) < 2:
        return [], names
    of_work = [name for name in names if name != "family" and (groups[name].nunique() == 1).all()]
    if not of_work or known.groupby(of_work).ngroups < len(groups):
        # Two resizes to one shape beside a third: the work is what was delivered, whatever the knob says.
        of_work = [name for name in WORK if known[name].nunique() > 1]
    return of_work, [name for name in names if name not in of_work]


def labels(summary: pd.DataFrame, names: Sequence[str] | None = None) -> pd.Series[str]:
    """What to call each configuration beside the others of its sweep: only what varies.

    names: the columns to make the names of, where it is not all that vary.
    """
    names = varied(summary) if names is None else names

    def label(line: pd.Series[str]) -> str:
        named = [f"{name}={line[name]}" for name in names if name != "family" and line[name] != ""]
        return " ".join([line["family"], *named] if "family" in names or not named else named)

    return summary.apply(label, axis=1)


def knobs_of(summary: pd.DataFrame) -> list[str]:
    """The loader knobs among the columns of a summary."""
    names = list(summary.columns)
    return names[names.index("device") + 1 : names.index("num_threads")]
