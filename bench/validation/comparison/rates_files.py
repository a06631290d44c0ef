"""Files of the rates: every comparison, every trial, the table, and the machine."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict
from pathlib import Path

import pandas as pd

from bench.analysis.throughputs import compute_throughputs
from bench.records import results_folder
from bench.validation.comparison.block_group import BlockGroup
from bench.validation.comparison.findings import Finding
from bench.validation.comparison.rates import FOUND_FROM, LEAST_FOUND, MOST_FALSE, Rate
from bench.validation.judged_table import list_markdown_lines

COMPARISONS, TRIALS, TABLE = "comparisons.csv", "trials.csv", "rates.md"
TITLES = ("measured as", "planted slow-down", "comparisons", "slower", "undecided", "faster", "same")
# Columns of text; the others are numbers.
TEXTS = TITLES[:2]


def write_rates(folder: Path, rates: Sequence[Rate]) -> None:
    """Write the table of the rates for people.

    Raises:
        StorageError: it can't be written.
    """
    lines = [
        "# How often a comparison is right",
        "",
        *list_markdown_lines(TITLES, TEXTS, map(make_cells, rates)),
        "",
        f"At most {MOST_FALSE:.0%} of the comparisons of the same code may claim a difference. A slow-down "
        f"of {FOUND_FROM:.0%} must be called slower in {LEAST_FOUND:.0%} of its comparisons.",
    ]
    results_folder.write_text(folder / TABLE, "\n".join([*lines, ""]))


def make_cells(rate: Rate) -> list[str]:
    """Return the cells of a rate, as TITLES names them."""
    planted = f"{rate.planted:.0%}" if rate.planted else "none"
    counts = [rate.counts[word] for word in ("slower", "undecided", "faster", "same")]
    return [rate.design, planted, *map(str, (rate.total, *counts))]


def write_findings(folder: Path, findings: Sequence[Finding]) -> None:
    """Write what every comparison says.

    Raises:
        StorageError: it can't be written.
    """
    results_folder.write_csv(folder / COMPARISONS, pd.DataFrame([asdict(finding) for finding in findings]))


def write_trials(folder: Path, groups: Iterable[BlockGroup], root: Path) -> None:
    """Write the throughput of every trial, from which the comparisons can be made again.

    Args:
        folder: results folder.
        groups: groups that were measured.
        root: folder that holds their folders.

    Raises:
        StorageError: it can't be written.
        ResultsError: a table can't be read.
    """
    lines = [
        {
            "group": group.number + 1,
            "loader": group.loader,
            "version": version.name,
            "block": block,
            "samples_per_s": samples_per_s,
        }
        for group in groups
        for version in group.versions
        for by_block in compute_throughputs(
            results_folder.read_runs(root / group.name / version.name)
        ).values()
        for block, samples_per_s in by_block.items()
    ]
    results_folder.write_csv(folder / TRIALS, pd.DataFrame(lines))
