"""SweepPrinter and ProgressPrinter: print what happens in a sweep."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager

from rich.console import Console

from bench.machine.check import Check
from bench.plan.prepared_sweep import PreparedSweep
from bench.report.console import is_notebook, make_console
from bench.report.notices import Notices
from bench.report.output import complain
from bench.report.progress.file_progress import show_conversions, show_downloads
from bench.report.progress.sweep_observer import ShowConversion, ShowDownload, SweepObserver
from bench.report.sweep.conclusion import SweepConclusion
from bench.report.sweep.opening import print_concerns, print_start
from bench.report.sweep.sweep_report import print_closing, print_results


class SweepPrinter(SweepObserver):
    """Observer of a sweep that prints to a console."""

    def __init__(self, console: Console) -> None:
        """Print to a console.

        Args:
            console: console to print to.
        """
        super().__init__(console)
        self._boxes = Notices(console)

    def notice(self, text: str) -> None:
        """Print a notice in a box, unless it was given before."""
        if text not in self.notices:
            self._boxes.add(text)
        super().notice(text)

    def show_downloads(self) -> AbstractContextManager[ShowDownload]:
        """Show a bar or a line a file."""
        return show_downloads(self.console)

    def show_conversions(self) -> AbstractContextManager[ShowConversion]:
        """Show a bar or a line a family."""
        return show_conversions(self.console)

    def show_concerns(self, checks: Sequence[Check]) -> None:
        """Print each concern with its cure."""
        print_concerns(self.console, checks)

    def show_start(self, sweep: PreparedSweep, samples: int, dataset: str | None = None) -> None:
        """Print the choices that were left to the sweep, and how long it takes."""
        print_start(self.console, sweep, samples, dataset)

    def show_results(self, conclusion: SweepConclusion) -> None:
        """Print the answer, the table and what to be wary of."""
        print_results(self.console, conclusion)

    def show_end(self, conclusion: SweepConclusion) -> None:
        """Print what is missing, the notices again, the results' folder, and the first error."""
        print_closing(self.console, conclusion, self._boxes)
        # A full disk stops one file after the other: the first error names the cause.
        for problem in conclusion.problems[:1]:
            complain(problem)


class ProgressPrinter(SweepPrinter):
    """Observer of a sweep that prints its progress, and leaves the results to the command."""

    def show_results(self, conclusion: SweepConclusion) -> None:
        """Print nothing."""

    def show_end(self, conclusion: SweepConclusion) -> None:
        """Print the first error."""
        for problem in conclusion.problems[:1]:
            complain(problem)


def choose_observer(verbose: bool | None) -> SweepObserver:
    """Return the observer of a sweep that a program runs.

    Args:
        verbose: True for all that the command prints, False for nothing, None for the progress in a notebook
            and nothing elsewhere.
    """
    if verbose is None:
        return ProgressPrinter(make_console()) if is_notebook() else SweepObserver()
    return SweepPrinter(make_console()) if verbose else SweepObserver()
