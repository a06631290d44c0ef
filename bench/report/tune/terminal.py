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
from bench.report.explain.page import find_width, print_heading, print_paragraph, print_remark
from bench.report.explain.wording import format_gain
from bench.report.tune.answer import answer_in_a_sentence
from bench.report.tune.findings import list_cautions, list_findings
from bench.report.tune.words import (
    describe_end,
    describe_setup,
    find_fate,
    format_ratio_to_present,
    name_row,
    order_candidates,
)
from bench.text import format_count, printable

# Rows beyond the tie set and what the user has, and rows at most.
MOST_OTHERS, MOST_ROWS = 3, 12
COLORS = {"gain": "green", "nothing": "green", "undecided": "yellow"}


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
    print_paragraph(
        console, f"[bold]{escape(printable(tuning.name))}[/]: {escape(describe_setup(tuning))}", hanging=2
    )
    print_heading(console, f"[{COLORS[tuning.outcome.verdict]}]{escape(answer_in_a_sentence(tuning))}[/]")
    if any(fate.end != "unseen" for fate in tuning.outcome.fates.values()):
        console.print()
        _print_table(console, tuning)
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


def select_rows(tuning: Tuning) -> list[int]:
    """Return the candidates of the table: the tie set, the best others, and what the user has."""
    tried = [number for number in order_candidates(tuning) if find_fate(tuning, number).end != "unseen"]
    firsts = [number for number in tried if number in (tuning.outcome.chosen, *tuning.outcome.tied)]
    others = [number for number in tried if number not in firsts and number != 0]
    shown = [*firsts[: MOST_ROWS - MOST_OTHERS - 1], *others[:MOST_OTHERS]]
    return shown if 0 in shown or 0 not in tried else [*shown, 0]


def _print_table(console: Console, tuning: Tuning) -> None:
    """Print the tie set and the best others, with their ratios to what the user has."""
    rows = select_rows(tuning)
    fates = [find_fate(tuning, number) for number in rows]
    table = Table(
        box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, padding=(0, 2, 0, 0), width=find_width(console)
    )
    table.add_column("setting", ratio=1, overflow="fold")
    columns = {
        "fresh blocks": tuning.outcome.is_confirmed,
        "race": any(fate.race_ratio is not None for fate in fates),
        "screen": any(fate.race_ratio is None and fate.screen_ratio is not None for fate in fates),
    }
    for name, is_shown in columns.items():
        if is_shown:
            table.add_column(name, justify="right", no_wrap=True)
    table.add_column("", max_width=32)
    for number in rows:
        cells = zip(columns.values(), _list_figures(tuning, number), strict=True)
        style = "bold" if number == tuning.outcome.chosen else ""
        table.add_row(
            Text(name_row(tuning, number), style=style),
            *(cell for is_shown, cell in cells if is_shown),
            _describe_row(tuning, number),
        )
    console.print(table, crop=False)
    if more := len(tuning.candidates) - len(rows):
        print_paragraph(console, f"{format_count(more, 'more candidate')}; × is to what you have.")


def _list_figures(tuning: Tuning, number: int) -> list[str]:
    fate, confirmed = find_fate(tuning, number), tuning.outcome.confirmed.get(number)
    gain = "" if confirmed is None or number == 0 else format_gain(confirmed.gain)
    return [
        gain,
        format_ratio_to_present(fate.race_ratio),
        format_ratio_to_present(fate.screen_ratio),
    ]


def _describe_row(tuning: Tuning, number: int) -> str:
    if number != tuning.outcome.chosen:
        return escape(describe_end(tuning, number))
    return "[bold]use this one[/]" if number else "keep this one"


def _print_code(console: Console, tuning: Tuning) -> None:
    """Print the lines to paste, as they are."""
    if tuning.code:
        print_heading(console, "Code to paste")
        for line in tuning.code:
            console.print(Text(f"  {line}"), soft_wrap=True)
