"""Tables whose lines are right or wrong, on the screen and as Markdown."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from rich.console import Console
from rich.markup import escape
from rich.table import Table

RIGHT, WRONG = "[green]right[/]", "[bold red]WRONG[/]"
WIDEST = 10_000


def print_judged(
    console: Console,
    titles: Sequence[str],
    texts: Sequence[str],
    lines: Iterable[tuple[Sequence[str], bool]],
    *,
    gap: int = 2,
    spare: Sequence[str] = (),
) -> None:
    """Print a table between two empty lines, and behind each of its lines whether it is right.

    Args:
        console: console to print to.
        titles: titles of the columns.
        texts: those of the columns that hold text; the others hold numbers.
        lines: cells of each line, and whether it is right.
        gap: blanks between two columns; default 2.
        spare: those of the columns that are left out where the screen is too narrow for all; default none.
    """
    rows = [
        (*zip(titles, map(escape, cells), strict=True), ("", RIGHT if is_right else WRONG))
        for cells, is_right in lines
    ]

    def make_table(left_out: Sequence[str]) -> Table:
        table = Table(box=None, pad_edge=False, padding=(0, gap, 0, 0))
        for title in (*titles, ""):
            if title not in left_out:
                table.add_column(title, justify="left" if title in ("", *texts) else "right")
        for row in rows:
            table.add_row(*(cell for title, cell in row if title not in left_out))
        return table

    table = make_table(())
    # A screen as wide as any table says how much room this one wants.
    wide = console.options.update(max_width=WIDEST)
    if console.measure(table, options=wide).maximum > console.width:
        table = make_table(spare)
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
