"""One line a configuration, from the rows of a sweep."""

from __future__ import annotations

import math
from collections.abc import Hashable, Mapping, Sequence
from typing import Any

import pandas as pd

from bench.results import knob_columns
from bench.statistics import Estimate, estimate, ratios

# What must be the same for two configurations to be ranked against each other: they do the same work.
WORK = ["dataset", "device", "sample_shape", "dtype", "batch_size", "step", "loss"]
TIMES = ["wall_s", "startup_s", "time_to_first_batch_s", "data_wait_s", "transfer_s", "step_s", "teardown_s"]


def summarise(runs: pd.DataFrame) -> pd.DataFrame:
    """Summarise the rows of a sweep: one line a configuration, in grid order.

    `phase` says which epochs a line speaks of: `steady`, those after the first of a process, or `cold`, the
    first, where a sweep had no other. A block's throughput is all its samples over all its time in that
    phase; `samples_per_s` is the median of the blocks, with its 95% interval in `_low` and `_high`; `ratio`
    is to the baseline, inside each block. `rank` orders those that do the same work, fastest first, and
    `ratio_to_best` is to the first of them; a configuration with any row that isn't `ok` has neither. Times
    are medians of epochs, in seconds.
    """
    phase = "steady" if (runs["epoch"] > 0).any() else "cold"
    timed = runs[(runs["epoch"] > 0) == (phase == "steady")]
    throughputs = {number: _by_block(rows) for number, rows in timed.groupby("configuration")}
    lines = []
    for number, rows in runs.groupby("configuration"):
        own, baseline = (throughputs.get(n, {}) for n in (number, rows["baseline"].iloc[0]))
        lines.append({**_identity(rows), "phase": phase, **_measures(rows, phase, own, baseline)})
    summary: pd.DataFrame = pd.DataFrame(lines)
    _rank(summary, throughputs)
    return summary


def _rank(summary: pd.DataFrame, throughputs: Mapping[Hashable, dict[int, float]]) -> None:
    """Add `rank` and `ratio_to_best`, among those that do the same work."""
    columns = ["rank", *_interval_names("ratio_to_best")]
    places: dict[Hashable, list[float | None]] = {}
    ranked = summary[(summary["status"] == "ok") & summary["samples_per_s"].notna()]
    for _, group in ranked.groupby(WORK, dropna=False):
        group = group.sort_values("samples_per_s", ascending=False)
        best = throughputs[group["configuration"].iloc[0]]
        for rank, (index, number) in enumerate(group["configuration"].items(), start=1):
            places[index] = [rank, *_interval(estimate(ratios(throughputs[number], best)))]
    for at, name in enumerate(columns, start=1):
        values = [places[index][at - 1] if index in places else None for index in summary.index]
        summary.insert(at, name, pd.Series(values, dtype="Int64" if name == "rank" else float))


def _by_block(rows: pd.DataFrame) -> dict[int, float]:
    sums = rows[rows["status"] == "ok"].groupby("block")[["samples", "wall_s"]].sum()
    return {int(str(block)): samples / wall for block, samples, wall in sums.itertuples() if wall > 0}


def _identity(rows: pd.DataFrame) -> dict[str, Any]:
    first = rows.iloc[0]
    knobs = knob_columns(rows)
    names = [
        "configuration",
        "baseline",
        "family",
        "dataset",
        "device",
        *knobs,
        "num_threads",
        "step",
        "loss",
    ]
    ok = rows[rows["status"] == "ok"]
    bad = rows[rows["status"] != "ok"]
    delivered = first if ok.empty else ok.iloc[0]
    return {
        **{name: first[name] for name in names},
        **{name: delivered[name] for name in ("sample_shape", "dtype")},
        "status": "ok" if bad.empty else bad["status"].iloc[0],
        "error": "" if bad.empty else bad["error"].iloc[0],
    }


def _measures(
    rows: pd.DataFrame, phase: str, own: dict[int, float], baseline: dict[int, float]
) -> dict[str, Any]:
    ok = rows[rows["status"] == "ok"]
    timed = ok[(ok["epoch"] > 0) == (phase == "steady")]
    cold = _by_block(ok[ok["epoch"] == 0])
    return {
        "blocks": len(own),
        **dict(zip(_interval_names("samples_per_s"), _interval(estimate(list(own.values()))), strict=True)),
        **dict(zip(_interval_names("ratio"), _interval(estimate(ratios(own, baseline))), strict=True)),
        "cold_samples_per_s": pd.Series(cold, dtype=float).median(),
        **{name: timed[name].median() for name in [*TIMES, "train_loss", "cpu_s"]},
        "peak_memory_bytes": timed["peak_memory_bytes"].max(),
    }


def _interval_names(name: str) -> tuple[str, str, str]:
    return name, f"{name}_low", f"{name}_high"


def _interval(found: Estimate | None) -> list[float]:
    values = (None, None, None) if found is None else (found.median, found.low, found.high)
    return [math.nan if value is None else value for value in values]


def varied(summary: pd.DataFrame) -> list[str]:
    """The columns that tell the configurations of a sweep apart.

    What only says `none`, or nothing, where another column rules it out adds nothing: a prefetch where there
    are no workers, a loss where there is no step.
    """
    known = ["family", "device", "step", "loss", *_knobs(summary), "num_threads"]
    kept = [name for name in known if summary[name].nunique() > 1]

    def follows(name: str, other: str) -> bool:
        values = set(summary[name]) - {"none", ""}
        return len(values) < 2 and bool((summary.groupby(other)[name].nunique() == 1).all())

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
    groups = summary[summary["sample_shape"] != ""].groupby(WORK, dropna=False)
    of_work = [
        name for name in names if name != "family" and len(groups) > 1 and (groups[name].nunique() == 1).all()
    ]
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


def _knobs(summary: pd.DataFrame) -> list[str]:
    names = list(summary.columns)
    return names[names.index("device") + 1 : names.index("num_threads")]
