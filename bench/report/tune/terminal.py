"""A tuning on the terminal: one page of at most 100 columns."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from rich import box
from rich.console import Console
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from bench.analysis.tuning.tuning import Tuning
from bench.report.paragraphs import find_width, print_heading, print_paragraph, print_remark
from bench.report.tune.answer import answer_in_a_sentence
from bench.report.tune.best_rows import BestRows, make_best_rows
from bench.report.tune.findings import list_cautions, list_findings
from bench.report.tune.words import describe_setup, list_code
from bench.text import printable

COLORS = {"gain": "green", "nothing": "green", "undecided": "yellow"}
# Columns of what became of a candidate. An error goes on in the next line.
END_COLUMNS = 32


def print_tuning(
    console: Console, tuning: Tuning, *, folder: Path | None = None, files: Iterable[Path] = ()
) -> None:
    """Print a tuning: the answer, the best settings, the code to paste, what holds, and cautions.

    Args:
        console: console to print to.
        tuning: the tuning.
        folder: folder of its files; default None for a tuning without files.
        files: files in it to name, such as charts; default none.
    """
    setup = f"[bold]{escape(printable(tuning.name))}[/]: {escape(describe_setup(tuning))}"
    print_paragraph(console, setup, hanging=2)
    print_heading(console, f"[{COLORS[tuning.outcome.verdict]}]{escape(answer_in_a_sentence(tuning))}[/]")
    _print_table(console, make_best_rows(tuning))
    _print_code(console, tuning)
    console.print()
    for remark in [*list_findings(tuning), *list_cautions(tuning)]:
        print_remark(console, remark)
    if folder is not None:
        names = [printable(path.name) for path in files]
        listed = f" ({', '.join(names)})" if names else ""
        # A path stays in one piece, so that it can be copied.
        print_paragraph(
            console, f"[bold]Files:[/] {escape(printable(str(folder)))}{escape(listed)}", hanging=2
        )


def _print_table(console: Console, best: BestRows) -> None:
    """Print the tie set and the best others, with their ratios to what the user has."""
    if not best.rows:
        return
    table = Table(
        box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, padding=(0, 2, 0, 0), width=find_width(console)
    )
    table.add_column("setting", ratio=1, overflow="fold")
    for name in best.columns:
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("", max_width=END_COLUMNS)
    for row in best.rows:
        style = "bold" if row.is_chosen else ""
        table.add_row(Text(row.name, style=style), *row.figures, Text(row.end, style=style))
    console.print()
    console.print(table, crop=False)
    if best.note:
        print_paragraph(console, f"[dim]{escape(best.note)}[/]")


def _print_code(console: Console, tuning: Tuning) -> None:
    """Print the lines to paste, as they are."""
    if lines := list_code(tuning):
        print_heading(console, "Code to paste")
        for line in lines:
            console.print(Text(f"  {line}"), soft_wrap=True)
