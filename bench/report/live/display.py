"""ProgressDisplay: shows the progress of a sweep on a terminal, in a notebook or as plain lines."""

from __future__ import annotations

from typing import Protocol

from rich.console import Console

from bench.report.live.lines import LineDisplay
from bench.report.live.notebook import NotebookDisplay
from bench.report.live.state import ProgressState
from bench.report.live.terminal import TerminalDisplay


class ProgressDisplay(Protocol):
    """Shows the progress of a sweep, between its trials only: while one runs, the machine is its own."""

    def start(self, state: ProgressState) -> None:
        """Show that the first trial comes next."""

    def begin_trial(self, state: ProgressState) -> None:
        """Show a trial that begins."""

    def end_trial(self, state: ProgressState) -> None:
        """Show that a trial has ended."""

    def stop(self, state: ProgressState) -> None:
        """Show that there are no more trials."""


class NoDisplay:
    """Display that shows nothing."""

    def start(self, state: ProgressState) -> None:
        """Show nothing."""

    def begin_trial(self, state: ProgressState) -> None:
        """Show nothing."""

    def end_trial(self, state: ProgressState) -> None:
        """Show nothing."""

    def stop(self, state: ProgressState) -> None:
        """Show nothing."""


def make_display(console: Console) -> ProgressDisplay:
    """Make the display that suits a console.

    Args:
        console: console of a terminal, of a notebook, or of a file or pipe. A quiet one shows nothing.
    """
    if console.quiet:
        return NoDisplay()
    if console.is_jupyter:
        return NotebookDisplay()
    return TerminalDisplay(console) if console.is_terminal else LineDisplay(console)
