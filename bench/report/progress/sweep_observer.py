"""SweepObserver: is told of everything that happens in a sweep, and shows nothing."""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext

from rich.console import Console

from bench.machine.check import Check
from bench.plan.prepared_sweep import PreparedSweep
from bench.report.progress.sweep_progress import SweepProgress
from bench.report.sweep.conclusion import SweepConclusion

ShowDownload = Callable[[str, int, int | None], None]
ShowConversion = Callable[[str, int, int], None]


class SweepObserver:
    """Observer of a sweep that shows nothing but the progress of trials. SweepPrinter prints what it is told.

    Attributes:
        console: console that the progress goes to.
        notices: facts of data and loaders that a user must know before reading figures.
    """

    def __init__(self, console: Console | None = None) -> None:
        """Start without notices.

        Args:
            console: console that the progress goes to; default None shows none.
        """
        self.console = console or Console(quiet=True, file=io.StringIO())
        self.notices: list[str] = []

    def notice(self, text: str) -> None:
        """Take a notice, unless it was given before, as by an earlier part of a tuning.

        Args:
            text: plain text; its first sentence says the fact.
        """
        if text not in self.notices:
            self.notices.append(text)

    def show_downloads(self) -> AbstractContextManager[ShowDownload]:
        """Return a context with a function of a file's name, the bytes received, and those in all."""
        return nullcontext(lambda _name, _received, _total: None)

    def show_conversions(self) -> AbstractContextManager[ShowConversion]:
        """Return a context with a function of a family, the samples converted, and those in all."""
        return nullcontext(lambda _family, _done, _of: None)

    def show_concerns(self, checks: Sequence[Check]) -> None:
        """Take the checks of this machine that ask for something to be done."""

    def show_start(self, sweep: PreparedSweep, samples: int, dataset: str | None = None) -> None:
        """Take the sweep that is about to run.

        Args:
            sweep: sweep that is about to run.
            samples: samples in an epoch.
            dataset: name of the data; None while they are not known.
        """

    def make_progress(self, sweep: PreparedSweep, samples: int) -> SweepProgress:
        """Return what is told of each trial.

        Args:
            sweep: sweep that is about to run.
            samples: samples in an epoch.
        """
        return SweepProgress.for_sweep(self.console, sweep, samples)

    def show_results(self, conclusion: SweepConclusion) -> None:
        """Take the results, before the charts are drawn."""

    def show_end(self, conclusion: SweepConclusion) -> None:
        """Take the end of the sweep, once all files are written."""
