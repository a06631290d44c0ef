"""Tables whose lines are right or wrong, on the screen and as Markdown."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from rich.console import Console
from rich.markup import escape
from rich.table import Table

RIGHT, WRONG = "[green]right[/]", "[bold red]WRONG[/]"


def print_judged(
    console: Console,
    titles: Sequence[str],
    texts: Sequence[str],
    lines: Iterable[tuple[Sequence[str], bool]],
    *,
    gap: int = 2,
) -> None:
    """Print a table between two empty lines, and behind each of its lines whether it is right.

    Args:
        console: console to print to.
        titles: titles of the columns.
        texts: those of the columns that hold text; the others hold numbers.
        lines: cells of each line, and whether it is right.
        gap: blanks between two columns; default 2.
    """
    table = Table(box=None, pad_edge=False, padding=(0, gap, 0, 0))
    for title in titles:
        table.add_column(title, justify="left" if title in texts else "right")
    table.add_column("")
    for cells, is_right in lines:
        table.add_row(*map(escape, cells), RIGHT if is_right else WRONG)
    console.print()
    console.print(table)
    console.print()


def list_markdown_lines(
    titles: Sequence[str], texts: Sequence[str], lines: Iterable[Sequence[str]]
) -> list[str]:
    """Return the lines of a Markdown table.

    Args:
        titles: titles of the columns.
        texts: those of the columns that hold text; the others hold numbers.
        lines: cells of each line.
    """
    rule = "|".join(" --- " if title in texts else " ---: " for title in titles)
    return [f"| {' | '.join(titles)} |", f"|{rule}|", *(f"| {' | '.join(cells)} |" for cells in lines)]
