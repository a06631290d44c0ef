"""What a sweep says after its table."""

from __future__ import annotations

import shlex
from collections.abc import Collection
from pathlib import Path

import pandas as pd
from rich.console import Console
from rich.markup import escape

from bench.analysis.naming import make_labels
from bench.text import format_count, printable


def print_imprecise(
    console: Console, summary: pd.DataFrame, imprecise: Collection[int], precision: float | None
) -> None:
    """Whose intervals are wider than asked for, as the budget was over."""
    if not imprecise or precision is None:
        return
    names = make_labels(summary)[summary["configuration"].isin(imprecise)]
    console.print(
        f"[yellow]The budget ended before ±{100 * precision:.3g}%[/] for {escape(', '.join(names))}; "
        "give --budget for more.",
        soft_wrap=True,
    )


def print_failed_ceilings(console: Console, ceilings: pd.DataFrame | None) -> None:
    """Which ceilings are unknown, and why."""
    if ceilings is None:
        return
    for _, line in ceilings[ceilings["status"] != "ok"].iterrows():
        console.print(
            f"[bold red]{line['status']}[/] ceiling {line['family']} batch_size={line['batch_size']}: "
            f"{escape(line['error'])}",
            soft_wrap=True,
        )


def print_resumed(console: Console, runs: pd.DataFrame) -> None:
    """Which rows were measured with something else than the others."""
    for others, rows in runs[runs["resumed_with"] != ""].groupby("resumed_with"):
        console.print(
            f"[bold yellow]Resumed anyway:[/] {format_count(len(rows), 'row')} with {escape(str(others))}. "
            "Ratios of blocks that hold both say little.",
            soft_wrap=True,
        )


def print_end(
    console: Console, folder: Path, left_out: int, *, interrupted: bool, stopped: bool = False
) -> None:
    """What was not measured, where the results lie, and how to go on with a sweep that was stopped."""
    where = printable(str(folder))
    if left_out:
        console.print(
            f"[yellow]The budget left out[/] {format_count(left_out, 'trial')}; --blocks or --budget give more.",
            soft_wrap=True,
        )
    if interrupted:
        console.print("[bold yellow]Interrupted[/]: what was measured until then is kept.")
    if stopped:
        command = escape(f"python -m bench.sweep --resume {shlex.quote(where)}")
        console.print(f"To measure the rest: {command}", soft_wrap=True)
    console.print(f"Results: {escape(where)}", soft_wrap=True)
