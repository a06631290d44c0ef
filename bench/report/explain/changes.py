"""Changes in the terminal: those worth making with their gains, and those that aren't."""

from __future__ import annotations

from rich.console import Console
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from bench.analysis.explanation.explanation import Advice, Explanation
from bench.report.explain.answer import has_nothing_to_gain
from bench.report.explain.change_words import (
    describe_advice,
    describe_useless,
    explain_no_changes,
    list_changes,
    title_changes,
    title_without_changes,
)
from bench.report.explain.wording import format_gain
from bench.report.paragraphs import find_width, print_heading, print_paragraph, print_remark
from bench.text import printable


def print_changes(console: Console, explanation: Explanation) -> None:
    """Print the changes worth making with their gains, and below them those that aren't worth making."""
    if explanation.advice:
        _print_table(console, explanation)
    else:
        title = title_without_changes(explanation)
        print_heading(console, f"[green]{title}[/]" if has_nothing_to_gain(explanation) else title)
        print_paragraph(console, escape(explain_no_changes(explanation)), indent=2)
    print_remark(console, describe_useless(explanation))


def _print_table(console: Console, explanation: Explanation) -> None:
    """Print the changes, each with its note below it."""
    changes = list_changes(explanation)
    verified = any(advice.actual is not None for advice in changes)
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), width=find_width(console))
    table.add_column("")
    table.add_column(escape(title_changes(explanation)), ratio=1)
    table.add_column("predicted gain", no_wrap=True)
    if verified:
        table.add_column("actual gain", no_wrap=True)
    for number, advice in enumerate(changes, start=1):
        cells: list[str | Text] = [
            f"{number}",
            _describe_change(advice, explanation),
            _style_gain(format_gain(advice.gain)),
        ]
        if verified:
            cells.append("not verified" if advice.actual is None else _style_gain(format_gain(advice.actual)))
        table.add_row(*cells)
    console.print()
    console.print(table, crop=False)


def _style_gain(text: str) -> Text:
    return Text(text, style="bold green" if text.startswith("×") else "dim")


def _describe_change(advice: Advice, explanation: Explanation) -> Text:
    """Return a change, and below it the options that make it, its condition and the basis of its gain."""
    text = Text(printable(advice.change), style="bold")
    notes = describe_advice(advice, explanation)
    return text.append(f"\n{notes}", style="not bold dim") if notes else text
