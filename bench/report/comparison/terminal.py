"""A comparison on the terminal."""

from __future__ import annotations

from rich import box
from rich.console import Console
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from bench.analysis.comparison.comparison import Comparison, Judgement
from bench.report.comparison.words import (
    describe_answer,
    describe_method,
    describe_sides,
    format_factor,
    format_interval,
    list_remarks,
    order_configurations,
)
from bench.report.console import print_line
from bench.report.remark import print_remarks
from bench.text import abbreviate

STYLES: dict[Judgement, str] = {
    "slower": "bold red",
    "undecided": "yellow",
    "faster": "bold green",
    "same": "",
}
UNBOUNDED = 10_000


def print_comparison(console: Console, comparison: Comparison) -> None:
    """Print a comparison: its sides, its table, the remarks, and the answer at the end."""
    for line in describe_sides(comparison):
        print_line(console, escape(line))
    console.print()
    if comparison.configurations:
        table = _make_table(comparison)
        # Figures are never cut: where the table is too wide, the terminal breaks its lines.
        table.width = console.measure(table, options=console.options.update(width=UNBOUNDED)).maximum
        console.print(table, crop=False)
        console.print()
        print_line(console, escape(describe_method(comparison)))
    print_remarks(console, list_remarks(comparison))
    console.print()
    print_line(console, f"[bold]{escape(describe_answer(comparison))}[/]")


def _make_table(comparison: Comparison) -> Table:
    table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, padding=(0, 1, 0, 0))
    unit = "× base" if comparison.options.across_machines else "samples/s"
    for name in ("configuration", f"A {unit}", f"B {unit}", "B/A", "interval", ""):
        table.add_column(name, justify="left" if name in ("configuration", "") else "right", no_wrap=True)
    for one in order_configurations(comparison):
        table.add_row(
            escape(one.name),
            "" if one.a is None else abbreviate(one.a),
            "" if one.b is None else abbreviate(one.b),
            "" if one.ratio is None else format_factor(one.ratio.median),
            format_interval(one.ratio),
            Text(one.judgement, style=STYLES[one.judgement]),
        )
    return table
