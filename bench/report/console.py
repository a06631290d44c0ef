"""The console that every command prints to."""

from __future__ import annotations

import io
import itertools
import os
import sys
import textwrap
from typing import TextIO, cast

from rich.console import Console
from rich.text import Text

from bench.report.output import SteadyOutput

PIPE_WIDTH = 120
# Cells of notebooks are about so wide; their lines are wrapped.
NOTEBOOK_WIDTH = 90
# COLUMNS may say anything; in fewer columns words no longer fit.
FEWEST_COLUMNS = 20


def make_console(stream: TextIO | None = None) -> Console:
    """Make a console for standard output, or for another stream.

    On a terminal it is as wide as that, and may show progress bars. In a file, in a pipe and on a terminal
    without cursor movements it prints plain lines. `is_terminal` tells the two apart. `FORCE_COLOR` adds
    colours to plain lines, and nothing else. In a notebook it shows HTML below the cell, and
    `is_jupyter` is true.

    Args:
        stream: the stream; default None for standard output.
    """
    if stream is None and is_notebook():
        return Console(highlight=False, emoji=False, force_jupyter=True, width=NOTEBOOK_WIDTH)
    # A sweep goes on when its terminal is closed or the reader of its output ends.
    output = cast(TextIO, SteadyOutput(stream or sys.stdout))
    terminal = Console(file=output, force_terminal=output.isatty(), force_jupyter=False)
    width = max(terminal.width, FEWEST_COLUMNS)
    if terminal.is_terminal and not terminal.is_dumb_terminal:
        # Without a width of its own, a console follows its terminal's.
        own_width = None if terminal.width == width else width
        return Console(
            highlight=False,
            emoji=False,
            file=output,
            force_terminal=True,
            force_jupyter=False,
            width=own_width,
        )
    coloured = not terminal.is_terminal and os.environ.get("FORCE_COLOR")
    return Console(
        highlight=False,
        emoji=False,
        file=output,
        force_terminal=False,
        force_jupyter=False,
        force_interactive=False,
        color_system="standard" if coloured else None,
        width=width if terminal.is_terminal else PIPE_WIDTH,
    )


def is_notebook() -> bool:
    """Return True in a notebook, whose kernel shows what cells display."""
    return Console(file=io.StringIO()).is_jupyter


def print_line(console: Console, text: str) -> None:
    """Print one line of rich's markup, as `print_text` does."""
    print_text(console, Text.from_markup(text, emoji=False))


def print_text(console: Console, line: Text) -> None:
    """Print one line of text.

    A terminal and a notebook show it wrapped at words, and no word is broken. In a pipe it stays one line.
    """
    parts = wrap_words(line, console.width) if console.is_terminal or console.is_jupyter else [line]
    # Whatever is printed at once is one output of a notebook.
    for part in [Text("\n").join(parts)] if console.is_jupyter else parts:
        console.print(part, soft_wrap=True)


def wrap_words(line: Text, width: int) -> list[Text]:
    """Wrap a line at spaces. A word that is longer than `width` columns stays whole, so it can be copied."""
    # Together the pieces are the whole text, so their lengths are places in it.
    pieces = textwrap.wrap(
        line.plain,
        width,
        expand_tabs=False,
        replace_whitespace=False,
        drop_whitespace=False,
        break_long_words=False,
        break_on_hyphens=False,
    )
    ends = list(itertools.accumulate(len(piece) for piece in pieces))
    first, *others = line.divide(ends[:-1])
    parts = [first, *(other[len(other.plain) - len(other.plain.lstrip()) :] for other in others)]
    for part in parts:
        part.rstrip()
    return parts
