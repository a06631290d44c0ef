"""Print the readings and the cheats of a validation."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import compress

from rich.console import Console, JustifyMethod
from rich.markup import escape
from rich.table import Table

from bench.validation.judging import CaseResult, ColumnCheck, is_time

WRONG = "[bold red]WRONG[/]"
# Of the tables of readings: as wide as a pipe's lines. A narrow terminal doesn't get all of them.
WIDE_ONLY = ("least", "most", "allowed")
COLUMNS = (
    ("reading", 21), ("truth", 12), ("measured", 12), ("least", 12), ("most", 12), ("off", 11), ("", 8),
    ("allowed", 10), ("", 5),
)  # fmt: skip


def print_readings(console: Console, verdicts: Sequence[CaseResult]) -> None:
    """Each reading beside its truth."""
    # Where not all fits, the mark must not be what is cut off.
    wide = console.width >= sum(width + 1 for _, width in COLUMNS)
    shown = [wide or name not in WIDE_ONLY for name, _ in COLUMNS]
    for place, verdict in enumerate(verdicts):
        # A table each, all with the same widths, so that a title can say what it is about.
        lines = Table(box=None, pad_edge=False, show_header=place == 0, title_justify="left")
        lines.title = f"[bold]{verdict.truth.name}[/]: {verdict.truth.what}"
        for name, width in compress(COLUMNS, shown):
            justify: JustifyMethod = "left" if name == "reading" else "right"
            lines.add_column(name, width=width, justify=justify, no_wrap=True)
        for reading in verdict.readings:
            lines.add_row(*compress(_cells(reading), shown))
        console.print(lines, "")


def _cells(reading: ColumnCheck) -> list[str]:
    """A reading's line, in the order of COLUMNS."""
    column, truth = reading.column, reading.truth
    off = reading.measured - truth
    return [
        column,
        *(_text(column, value) for value in (truth, reading.measured, reading.low, reading.high)),
        _text(column, off, "+"),
        f"{off / truth:+.2%}" if truth else "",
        _text(column, reading.allowed),
        "[green]right[/]" if reading.right else WRONG,
    ]


def print_cheats(console: Console, verdicts: Sequence[CaseResult]) -> None:
    """Each cheat beside what was said of it."""
    if not verdicts:
        return
    lines = Table(box=None, pad_edge=False, title="[bold]cheats[/]", title_justify="left")
    for name in ("cheat", "what it does", "what was said of it", ""):
        lines.add_column(name)
    for verdict in verdicts:
        said = verdict.said or verdict.problem or ""
        lines.add_row(verdict.truth.name, verdict.truth.what, escape(said), mark_result(verdict))
    console.print(lines, "")


def mark_result(verdict: CaseResult) -> str:
    if not verdict.right:
        return WRONG
    return f"[green]{'caught' if verdict.truth.names else 'right'}[/]"


def _text(column: str, value: float, sign: str = "") -> str:
    """A value as people read it: milliseconds, samples a second, or a bare figure."""
    if is_time(column):
        return f"{value * 1e3:{sign},.2f} ms"
    return f"{value:{sign},.0f} /s" if column.endswith("_per_s") else f"{value:{sign}.4f}"
