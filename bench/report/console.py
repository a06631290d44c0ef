"""The console that a command prints to."""

from __future__ import annotations

import sys
from typing import TextIO, cast

from rich.console import Console
from rich.markup import escape
from rich.panel import Panel

from bench.report.output import SteadyOutput

PIPE_WIDTH = 120


def make_console() -> Console:
    """A console as wide as the terminal; in a file or a pipe wide enough for the table."""
    # A sweep goes on when its terminal is closed, or whatever reads its output ends.
    output = cast(TextIO, SteadyOutput(sys.stdout))
    terminal = Console(highlight=False, file=output)
    return terminal if terminal.is_terminal else Console(highlight=False, file=output, width=PIPE_WIDTH)


def print_notices(console: Console, notices: list[str]) -> None:
    """Notices that can't be missed."""
    for notice in notices:
        console.print(Panel(escape(notice), title="NOTICE", border_style="bold yellow", style="yellow"))
