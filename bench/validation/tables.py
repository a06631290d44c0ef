"""Tables: print the results of a validation."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import compress

from rich.console import Console, JustifyMethod
from rich.markup import escape
from rich.table import Table

from bench.text import format_duration
from bench.validation.judged_table import RIGHT, WRONG
from bench.validation.judging import CaseResult, ColumnCheck, is_time

# The columns of a table of readings with their widths, in a line as long as a pipe's. A narrow terminal
# leaves some of them out.
COLUMNS = (
    ("reading", 21), ("planned", 12), ("measured", 12), ("least", 12), ("most", 12), ("off", 11), ("", 8),
    ("allowed", 10), ("", 5),
)  # fmt: skip
WIDE_ONLY = ("least", "most", "allowed")


def print_readings(console: Console, results: Sequence[CaseResult]) -> None:
    """Print each reading beside its plan."""
    # Where not everything fits, the mark must not be cut off.
    wide = console.width >= sum(width + 1 for _, width in COLUMNS)
    shown = [wide or name not in WIDE_ONLY for name, _ in COLUMNS]
    for place, result in enumerate(result for result in results if result.checks):
        # One table for each case, all of the same widths, so that each has a title.
        table = Table(box=None, pad_edge=False, show_header=place == 0, title_justify="left")
        table.title = f"[bold]{result.case.name}[/]: {result.case.description}"
        for name, width in compress(COLUMNS, shown):
            justify: JustifyMethod = "left" if name == "reading" else "right"
            table.add_column(name, width=width, justify=justify, no_wrap=True)
        for check in result.checks:
            table.add_row(*compress(_make_cells(check), shown))
        console.print(table, "")


def _make_cells(check: ColumnCheck) -> list[str]:
    """Return a reading's line, in the order of COLUMNS."""
    column, planned = check.column, check.planned
    off = check.measured - planned
    return [
        column,
        *(_format(column, value) for value in (planned, check.measured, check.low, check.high)),
        _format(column, off, "+"),
        f"{off / planned:+.2%}" if planned else "",
        _format(column, check.allowed),
        RIGHT if check.right else WRONG,
    ]


def print_cheats(console: Console, results: Sequence[CaseResult]) -> None:
    """Print each cheat beside the audit's error."""
    cheats = [result for result in results if result.case.error_words]
    if not cheats:
        return
    table = Table(box=None, pad_edge=False, title="[bold]cheats[/]", title_justify="left")
    for name in ("cheat", "what it does", "error", ""):
        table.add_column(name)
    for result in cheats:
        error = result.error or result.problem or ""
        table.add_row(result.case.name, result.case.description, escape(error), mark_result(result))
    console.print(table, "")


def print_problems(console: Console, results: Sequence[CaseResult]) -> None:
    """Print the cases that were measured twice, and the problems of honest loaders."""
    for result in results:
        if result.repeated:
            still = f", and again: {result.disturbed}" if result.disturbed else ""
            console.print(f"{result.case.name} was disturbed and measured once more{escape(still)}")
        if result.problem and not result.case.error_words:
            console.print(f"[bold red]{result.case.name}: {escape(result.problem)}[/]", soft_wrap=True)


def print_conclusion(console: Console, results: Sequence[CaseResult], taken_s: float) -> None:
    """Print whether all cases are right, or which are wrong.

    Args:
        console: prints it.
        results: all cases.
        taken_s: time that they took, in seconds.
    """
    wrong = [result for result in results if not result.right]
    taken = format_duration(taken_s)
    if any(result.disturbed for result in wrong):
        console.print("Other processes used the machine meanwhile: run this again when it is quiet.")
    if wrong:
        names = ", ".join(result.case.name for result in wrong)
        console.print(f"[bold red]{len(wrong)} of {len(results)} wrong[/] ({taken}): {names}")
    else:
        console.print(f"[bold green]All {len(results)} right[/] ({taken})")


def mark_result(result: CaseResult) -> str:
    """Return `right`, `caught` or `WRONG`, with its colour."""
    if not result.right:
        return WRONG
    return f"[green]{'caught' if result.case.error_words else 'right'}[/]"


def _format(column: str, value: float, sign: str = "") -> str:
    """Return a value as people read it: milliseconds, samples a second, or a bare figure."""
    if is_time(column):
        return f"{value * 1e3:{sign},.2f} ms"
    return f"{value:{sign},.0f} /s" if column.endswith("_per_s") else f"{value:{sign}.4f}"
