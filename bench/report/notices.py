"""Notices: facts of data and loaders that a user must know before reading figures."""

from __future__ import annotations

from rich.console import Console
from rich.markup import escape
from rich.panel import Panel

from bench.report.console import print_line

# A pipe may be shown in a terminal later.
WIDEST = 100


class Notices:
    """Notices of one command: each is printed in a box at once, and in one line at the end."""

    def __init__(self, console: Console) -> None:
        """Start without notices.

        Args:
            console: console to print to.
        """
        self._console = console
        self._texts: list[str] = []

    def add(self, text: str) -> None:
        """Print a notice in a box.

        Args:
            text: plain text; its first sentence says the fact.
        """
        self._texts.append(text)
        width = min(self._console.width, WIDEST)
        panel = Panel(escape(text), title="NOTICE", border_style="bold yellow", style="yellow", width=width)
        self._console.print(panel)

    def remind(self) -> None:
        """Print the first sentence of each notice, one line each."""
        for text in self._texts:
            first, stop, _ = text.partition(". ")
            print_line(self._console, f"[bold yellow]Notice:[/] {escape(first)}{stop.strip()}")
