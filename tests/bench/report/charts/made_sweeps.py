"""Sweeps of made-up loaders, for tests of charts."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from itertools import product
from pathlib import Path

import pandas as pd

from bench.records.row import Row
from bench.report.sweep.sweep_results import SweepResults
from tests.bench import runs

START_S = 0.2


def make_grid(
    sizes: Iterable[str] = ("64", "256"),
    workers: Iterable[str] = ("0", "1", "2"),
    families: Iterable[str] = ("torch_dataloader", "stream"),
) -> list[dict[str, str]]:
    """Return the knobs of every combination, with workers that stay and workers that start again."""
    return [
        {
            "family": family,
            "batch_size": size,
            "resize": "none",
            "num_workers": count,
            "persistent_workers": kept,
        }
        for size, family, count in product(sizes, families, workers)
        for kept in (("off", "on") if count != "0" else ("off",))
    ]


def make_rows(
    grid: Iterable[Mapping[str, str]], blocks: int = 3, epochs: int = 3, scale: float = 1.0, **changes
) -> list[Row]:
    """Return the rows of a sweep: more workers and larger batches are faster, and starting takes time."""
    found: list[Row] = []
    baselines: dict[str, int] = {}
    for number, cells in enumerate(grid):
        knobs = dict(cells)
        family, count = knobs.pop("family"), int(knobs["num_workers"])
        baseline = baselines.setdefault(knobs["batch_size"], number)
        speed = scale * 1000 * (1 + count) * (int(knobs["batch_size"]) / 64) ** 0.5
        for block in range(blocks):
            for epoch in range(epochs):
                kept = knobs["persistent_workers"] == "on" and epoch > 0
                start = 0.001 if kept else START_S * count
                wall = 4000 / speed * (1 + 0.01 * block) + start
                found.append(
                    replace(
                        runs.row(number, block, epoch),
                        baseline=baseline,
                        family=family,
                        knobs=knobs,
                        samples=4000,
                        wall_s=wall,
                        samples_per_s=4000 / wall,
                        startup_s=start,
                        time_to_first_batch_s=start + 0.01,
                        data_wait_s=wall / 2 + start,
                        step_s=wall / 4,
                        teardown_s=0.0,
                        peak_memory_bytes=(200 + 100 * count) * 2**20,
                        shuffle_quality=0.3 if family == "stream" else 1.0,
                        audit="content",
                        **changes,
                    )
                )
    return found


def read_sweep(folder: Path, rows: list[Row]) -> SweepResults:
    """Write rows into a folder, and read them back."""
    results = SweepResults.read(runs.written(folder, rows))
    assert results is not None
    return results


def multiply(results: SweepResults, kinds: int, each: int) -> SweepResults:
    """Return a sweep with so many kinds of work and configurations in each, the baseline the slowest.

    Its rows are repeated lines of a summary: summarising hundreds of configurations would take seconds.
    """
    line = results.summary.iloc[0]
    lines = []
    for kind, place in product(range(kinds), range(each)):
        number = kind * each + place
        rate = 1000.0 * (each - place)
        cells = {
            "configuration": number, "baseline": kind * each + each - 1, "rank": place + 1, "tied": place < 2,
            "batch_size": str(8 * (kind + 1)), "num_workers": str(place % 10), "persistent_workers": "off",
            "family": f"family_{place // 10}", "samples_per_s": rate, "samples_per_s_low": 0.98 * rate,
            "samples_per_s_high": 1.02 * rate, "ratio": rate / 1000.0, "wall_s": 4000 / rate,
        }  # fmt: skip
        lines.append({**line.to_dict(), **cells})
    summary = pd.DataFrame(lines).astype({"rank": "Int64", "tied": "boolean"})
    first = results.runs[results.runs["configuration"] == 0]
    numbers = pd.DataFrame({"configuration": summary["configuration"]})
    rows = first.drop(columns="configuration").merge(numbers, how="cross")
    return replace(results, summary=summary, runs=rows)
