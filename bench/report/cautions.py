"""Cautions: failures and reasons to distrust figures, one line each."""

from __future__ import annotations

import pandas as pd
from rich.console import Console
from rich.markup import escape

from bench.analysis.naming import name_cells
from bench.analysis.warnings import find_warnings
from bench.records.row import find_knobs
from bench.report.console import print_line
from bench.report.labels import Labels
from bench.report.sweep_outcome import SweepOutcome
from bench.text import format_count, join_few

WEAKER_AUDITS = {
    "index": "what the samples hold was not compared with the dataset",
    "count": "samples without an index can only be counted",
}


def print_failures(
    console: Console, summary: pd.DataFrame, ceilings: pd.DataFrame | None, labels: Labels
) -> None:
    """Print the reason of each configuration and each ceiling that was not measured."""
    for _, line in summary[summary["status"] != "ok"].iterrows():
        name = labels.full[int(line["configuration"])]
        print_line(console, f"[bold red]{line['status']}[/] {escape(name)}: {escape(line['error'])}")
    if ceilings is None:
        return
    knobs = find_knobs(list(ceilings.columns))
    for _, line in (
        ceilings[ceilings["status"] != "ok"].drop_duplicates(["family", *knobs, "error"]).iterrows()
    ):
        name = name_cells(line, ["family", *knobs])
        print_line(console, f"[bold red]{line['status']}[/] {escape(name)}: {escape(line['error'])}")


def print_warnings(console: Console, summary: pd.DataFrame, labels: Labels) -> None:
    """Print the reasons to distrust the figures of a summary."""
    for warning in find_warnings(summary, labels.full):
        print_line(console, f"[bold yellow]{warning.title}:[/] {escape(warning.text)}")


def print_audits(console: Console, summary: pd.DataFrame, labels: Labels) -> None:
    """Print how samples were checked, where that says less than a comparison of what they hold."""
    ranked = summary[summary["rank"].notna()]
    for audit, lines in ranked.groupby("audit", sort=False):
        if audit not in WEAKER_AUDITS:
            continue
        names = [labels.full[int(number)] for number in lines["configuration"]]
        named = "" if len(lines) == len(ranked) else f" ({escape(join_few(names))})"
        print_line(console, f"Audited by {audit}{named}: {WEAKER_AUDITS[str(audit)]}.")


def print_imprecise(console: Console, outcome: SweepOutcome, precision: float | None, labels: Labels) -> None:
    """Print the configurations whose intervals are wider than was asked for.

    Args:
        console: console to print to.
        outcome: end of the measuring.
        precision: half width that was asked for, as a share; None where none was.
        labels: names of the configurations.
    """
    if not outcome.imprecise or precision is None:
        return
    names = escape(join_few(labels.full[number] for number in outcome.imprecise))
    print_line(
        console,
        f"[bold yellow]Imprecise:[/] the budget ended before ±{100 * precision:.3g}% for {names}; "
        "--budget gives more.",
    )


def print_resumed(console: Console, runs: pd.DataFrame) -> None:
    """Print how many rows were measured under other conditions than when the sweep began."""
    for differences, rows in runs[runs["resumed_with"] != ""].groupby("resumed_with"):
        print_line(
            console,
            f"[bold yellow]Resumed anyway:[/] {format_count(len(rows), 'row')} with "
            f"{escape(str(differences))}; ratios of blocks that hold both say little.",
        )
