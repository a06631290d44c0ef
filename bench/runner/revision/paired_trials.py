"""PairedTrials: the trials of two sides in common blocks, such as those of two commits."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager

import pandas as pd
from typing_extensions import Self

from bench.plan.schedule import Schedule, ScheduledRun
from bench.records.row import Row
from bench.report.progress.sweep_progress import SweepProgress
from bench.runner.block_trials import BlockTrials


class PairedTrials:
    """The trials of two sides, whose blocks hold the runs of both.

    Only a ratio inside a block tells a small difference on a machine that others use too. A run goes by its
    place: those of the first side come first. Each side keeps its rows in a folder of its own.

    Attributes:
        schedule: number of the common blocks, and the seed of their orders.
        progress: shows the trials of both sides, and says whether more of them fit the budget.
        runs: content of a full block.
    """

    def __init__(self, sides: Sequence[BlockTrials], schedule: Schedule, progress: SweepProgress) -> None:
        """Prepare the trials; nothing is measured yet.

        Args:
            sides: trials of each side. Their progress is a `SideProgress` of the common one.
            schedule: number of the common blocks, and the seed of their orders.
            progress: shows the trials of both.
        """
        self.schedule = schedule
        self._sides = sides
        self._places = [(side, place) for side in sides for place in range(len(side.runs))]
        self.progress = progress
        self.runs: list[ScheduledRun] = [run for side in sides for run in side.runs]
        self._opened = ExitStack()

    @property
    def importance(self) -> Sequence[int]:
        """None: each configuration of both sides is measured."""
        return ()

    @property
    def failed(self) -> set[int]:
        """Places of the runs of which a trial failed or took too long."""
        return {place for place, (side, own) in enumerate(self._places) if own in side.failed}

    def run_trial(self, place: int, block: int, attempt: int = 0) -> Iterator[Row]:
        """Run one trial, as `BlockTrials.run_trial` does."""
        side, own = self._places[place]
        return side.run_trial(own, block, attempt)

    def needs_repetition(self, place: int, block: int) -> bool:
        """Return whether the trial of a run in a block was disturbed and didn't fail."""
        side, own = self._places[place]
        return side.needs_repetition(own, block)

    def is_on_file(self, place: int, block: int, attempt: int = 0) -> bool:
        """Return whether an earlier process has run all of a trial."""
        side, own = self._places[place]
        return side.is_on_file(own, block, attempt)

    def fits(self, *places: int, block: int) -> bool:
        """Return whether the trials of these runs that a block lacks all end within the budget."""
        lacking = [place for place in places if not self.is_on_file(place, block)]
        return not lacking or self.progress.fits(*lacking)

    def read_runs(self) -> pd.DataFrame:
        """Return all rows of both sides that are on file."""
        return pd.concat([side.read_runs() for side in self._sides], ignore_index=True)

    def __enter__(self) -> Self:
        with ExitStack() as opened:
            opened.enter_context(self.progress)
            for side in self._sides:
                opened.enter_context(side)
            self._opened = opened.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._opened.close()


class SideProgress(SweepProgress):
    """The part of a common progress that one side tells of its trials. Runs go by the side's own places."""

    def __init__(self, common: SweepProgress, first: int) -> None:
        """Tell a common progress.

        Args:
            common: the progress of all sides, which is opened and closed by itself.
            first: place of the side's first run in it.
        """
        self._common = common
        self._first = first

    @contextmanager
    def trial(self, number: int, block: int, attempt: int = 0) -> Iterator[None]:
        """Show a trial while it runs."""
        with self._common.trial(self._first + number, block, attempt):
            yield

    def take(self, row: Row) -> None:
        """Leave a row alone: leaders are those of one side, and a comparison has none."""

    def skip(self, number: int) -> None:
        """Leave out one trial of a run."""
        self._common.skip(self._first + number)

    def give_back(self, seconds: float) -> None:
        """Don't count this time to the budget."""
        self._common.give_back(seconds)

    def fits(self, *numbers: int) -> bool:
        """Return whether a trial of each of these runs ends within the budget."""
        return self._common.fits(*(self._first + number for number in numbers))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """Leave the common progress open."""
