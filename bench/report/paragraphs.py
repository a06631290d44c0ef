"""Paragraphs, headings and remarks in the terminal: at most 100 columns, wherever the output goes."""

from __future__ import annotations

from rich.cells import cell_len, set_cell_size
from rich.console import Console
from rich.markup import escape
from rich.text import Text

from bench.report.console import FEWEST_COLUMNS, wrap_words
from bench.report.remark import STYLES, Remark

MOST_COLUMNS = 100


def find_width(console: Console) -> int:
    """Return the columns of a paragraph on this console."""
    return max(min(console.width, MOST_COLUMNS), FEWEST_COLUMNS)


def print_heading(console: Console, markup: str) -> None:
    """Print a heading, with an empty line before it."""
    console.print()
    print_paragraph(console, f"[bold]{markup}[/]")


def print_paragraph(console: Console, markup: str, *, indent: int = 0, hanging: int = 0) -> None:
    """Print text that is wrapped at words, in a pipe as well.

    Args:
        console: console to print to.
        markup: text in rich's markup.
        indent: columns before the first line; default 0.
        hanging: columns before the other lines, beyond `indent`; default 0.
    """
    line = Text.from_markup(markup, emoji=False)
    width = max(find_width(console) - indent - hanging, FEWEST_COLUMNS // 2)
    for number, part in enumerate(wrap_words(line, width)):
        space = indent + (hanging if number else 0)
        console.print(Text(" " * space) + part, soft_wrap=True)


def print_remark(console: Console, remark: Remark | None) -> None:
    """Print a remark with its title in bold; nothing for None."""
    if remark is not None:
        style = "bold" if remark.grade == "fact" else STYLES[remark.grade]
        text = f"[{style}]{escape(remark.title)}:[/] {escape(remark.text)}"
        print_paragraph(console, text, hanging=2)


def fit_cell(text: str, width: int, *, right: bool = False) -> str:
    """Return a text in exactly so many columns of a terminal, cut with `…` where it is longer."""
    length = cell_len(text)
    if length > width:
        return f"{set_cell_size(text, width - 1)}…"
    return " " * (width - length) + text if right else set_cell_size(text, width)
