"""Figures of a part that is a sweep: its fastest configurations."""

from __future__ import annotations

from pathlib import Path

from bench.analysis.naming import make_labels
from bench.analysis.summary import summarise
from bench.records.results_folder import RUNS, read_runs
from bench.text import abbreviate

RESULTS = "results"
MOST_SHOWN = 5


def describe_sweep(folder: Path) -> list[str]:
    """Return a line for each of the fastest configurations of a sweep.

    Args:
        folder: folder of the part, whose sweep wrote into `results` in it.
    """
    results = folder / RESULTS
    if not (results / RUNS).is_file():
        # It ended before the first epoch did.
        return []
    summary = summarise(read_runs(results))
    labels = make_labels(summary)
    fastest = summary[summary["status"] == "ok"].sort_values("samples_per_s", ascending=False)
    lines = [
        f"{abbreviate(line['samples_per_s'])} samples/s: {labels[number]}"
        for number, line in fastest.iterrows()
    ]
    more = len(lines) - MOST_SHOWN
    return [*lines[:MOST_SHOWN], *([f"and {more} slower ones"] if more > 0 else [])]
