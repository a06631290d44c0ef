"""The last lines of a sweep: what is missing, and where the results lie."""

from __future__ import annotations

import shlex
from pathlib import Path

from rich.console import Console
from rich.markup import escape

from bench.report.console import print_line
from bench.report.page.page import REPORT
from bench.report.sweep_outcome import SweepOutcome
from bench.text import format_count, printable


def print_end(
    console: Console, folder: Path, outcome: SweepOutcome, program: str = "python -m bench.sweep"
) -> None:
    """Print what was not measured, how to go on, and where the results lie.

    Args:
        console: console to print to.
        folder: folder of the results.
        outcome: end of the measuring.
        program: command that goes on with a sweep.
    """
    where = printable(str(folder))
    if outcome.left_out:
        trials = format_count(outcome.left_out, "trial")
        print_line(console, f"[yellow]The budget left out[/] {trials}; --blocks or --budget give more.")
    if outcome.interrupted:
        print_line(console, "[bold yellow]Interrupted[/]: what was measured until then is kept.")
    if outcome.stopped:
        print_line(console, f"To measure the rest: {escape(write_resume_command(folder, program))}")
    print_line(console, f"Results: {escape(where)}")
    if (page := folder / REPORT).is_file():
        print_line(console, f"Report: {escape(printable(str(page)))}")


def describe_stop(folder: Path, program: str) -> str:
    """Return the line that says how to go on with a sweep that was stopped.

    Args:
        folder: folder of the results.
        program: command that goes on with a sweep.
    """
    return f"not everything was measured: {write_resume_command(folder, program)} measures the rest"


def write_resume_command(folder: Path, program: str) -> str:
    """Return the command that measures the rest of a sweep that was stopped."""
    return f"{program} --resume {shlex.quote(printable(str(folder)))}"
