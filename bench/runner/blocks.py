"""BlockRunner: the policy of a sweep, block by block."""

from __future__ import annotations

import itertools
import random
from collections.abc import Iterator, Sequence
from collections.abc import Set as AbstractSet
from typing import Protocol

import pandas as pd

from bench.analysis.stopping_rule import find_open_contenders
from bench.plan.schedule import Schedule, ScheduledRun
from bench.records.row import Row
from bench.report.progress import SweepProgress


class OffersTrials(Protocol):
    """Trials that a policy chooses from, as `BlockTrials` has them. A run goes by its place in `runs`."""

    @property
    def runs(self) -> Sequence[ScheduledRun]:
        """Content of a full block."""

    @property
    def schedule(self) -> Schedule:
        """Number of blocks, seed, and precision."""

    @property
    def progress(self) -> SweepProgress:
        """Shows the trials, and says whether more of them fit the budget."""

    @property
    def failed(self) -> AbstractSet[int]:
        """Places of the runs of which a trial failed or took too long."""

    def run_trial(self, place: int, block: int, attempt: int = 0) -> Iterator[Row]:
        """Run one trial and yield its rows."""

    def needs_repetition(self, place: int, block: int) -> bool:
        """Return whether a trial was disturbed."""

    def is_on_file(self, place: int, block: int, attempt: int = 0) -> bool:
        """Return whether an earlier process has run a trial."""

    def fits(self, *places: int, block: int) -> bool:
        """Return whether trials end within the budget."""

    def read_runs(self) -> pd.DataFrame:
        """Return all rows of configurations that are on file."""


class BlockRunner:
    """Policy of a sweep: which trials run, in which order, and which are repeated.

    Every block holds each run once, in shuffled order. A disturbed trial is repeated at the end of its block.
    A budget ends the blocks early, and a precision adds blocks of the contenders.

    Attributes:
        left_out: number of trials that the budget left no time for.
        imprecise: numbers of the configurations that the budget kept from the precision; empty at first.
    """

    def __init__(self, trials: OffersTrials) -> None:
        """Prepare the blocks; nothing is measured yet.

        Args:
            trials: the trials to choose from. They must be open when `run` is called.
        """
        self._trials = trials
        self._runs = trials.runs
        self._schedule = trials.schedule
        self._progress = trials.progress
        self.left_out = 0
        self.imprecise: list[int] = []

    def run(self) -> None:
        """Run all blocks."""
        for block in itertools.count():
            due = self._choose_places(block)
            if not due:
                break
            if not self._run_block(block, due):
                blocks_left = max(0, self._schedule.blocks - block - 1)
                self.left_out += blocks_left * sum(self._runs[place].bounds is None for place in due)
                break
        if self._schedule.precision is not None:
            self.imprecise = find_open_contenders(self._trials.read_runs(), self._schedule.precision)

    def _choose_places(self, block: int) -> list[int]:
        """Return the places in the design that this block runs, shuffled; none after the last block."""
        places = list(range(len(self._runs)))
        extra = block >= self._schedule.blocks
        if extra:
            places = self._find_contenders(block)
        # A failed trial costs its configuration the rank, so further trials would only take time from others.
        places = [place for place in places if place not in self._trials.failed]
        if extra:
            # Half a block of contenders gains no ratio.
            if not self._trials.fits(*places, block=block):
                return []
            self._progress.add(places)
        random.Random(f"{self._schedule.seed}/{block}").shuffle(places)
        if block > 0 and not self._trials.fits(*places, block=block):
            # A block that won't be whole begins with the baselines, as ratios are made inside a block.
            # The quickest come next, so that as many as possible gain one.
            places.sort(key=self._rank_urgency)
        return places

    def _find_contenders(self, block: int) -> list[int]:
        """Return the places of the contenders that lack precision, and of their ceilings."""
        if self._schedule.precision is None:
            return []
        runs = self._trials.read_runs()
        # Only earlier blocks count, so that a block that was broken off is resumed with the same contenders.
        wanted = set(find_open_contenders(runs[runs["block"] < block], self._schedule.precision))
        return [
            place for place, run in enumerate(self._runs) if (run.bounds or frozenset({run.number})) & wanted
        ]

    def _rank_urgency(self, place: int) -> tuple[bool, float]:
        """Return a key that sorts baselines first, then by the trial's length."""
        run = self._runs[place]
        return run.bounds is not None or run.number != run.baseline, self._progress.estimate_trial_s(place)

    def _run_block(self, block: int, due: list[int]) -> bool:
        """Run a block's trials, then repeat those that were disturbed.

        Returns:
            False where the budget left no time for any of them.
        """
        disturbed = []
        ran = False
        for place in due:
            if block > 0 and not self._trials.fits(place, block=block):
                self._progress.skip(place)
                self.left_out += self._runs[place].bounds is None
                continue
            ran = True
            self._run_trial(place, block)
            if self._trials.needs_repetition(place, block):
                disturbed.append(place)
        # Repeated at the end of the block, when the disturbance may be over.
        for place in disturbed:
            if self._progress.fits(place) or self._trials.is_on_file(place, block, attempt=1):
                self._progress.add([place])
                self._run_trial(place, block, attempt=1)
        return ran

    def _run_trial(self, place: int, block: int, attempt: int = 0) -> None:
        """Run one trial to its end. A failure leaves out the run's trials in later blocks."""
        for _ in self._trials.run_trial(place, block, attempt):
            pass
        if place in self._trials.failed:
            self._progress.skip_rest(place, block)
