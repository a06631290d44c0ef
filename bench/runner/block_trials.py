"""BlockTrials: the trials of a block design, which run one at a time in any order."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import replace

import pandas as pd
from typing_extensions import Self

from bench.plan.schedule import Schedule, ScheduledRun
from bench.process.running_clock import read_running_s
from bench.records import results_folder
from bench.records.delivered_pictures import DeliveredPictures
from bench.records.row import Row
from bench.report.progress.sweep_progress import SweepProgress
from bench.runner.block_design import BlockDesign
from bench.runner.failure_watch import LATE
from bench.runner.sweep_files import SweepFiles
from bench.runner.trial_limits import TrialLimits
from bench.runner.trial_process import TrialRunner
from bench.trial.workload import Workload


class BlockTrials:
    """The trials of a block design. A policy chooses which one runs next; BlockRunner is that of a sweep.

    As a context manager it keeps the files open that rows go to. A run goes by its place in the design. Of a
    resumed sweep, trials on file are not run again, and count as if they had just run.

        with BlockTrials(design, files, runner=runner, progress=progress) as trials:
            for row in trials.run_trial(place=0, block=0):
                ...

    Attributes:
        design: the runs, the schedule and the workload.
        progress: shows the trials, and says whether more of them fit the budget. A policy tells it of trials
            beyond the planned blocks with `add`, and of those that it leaves out with `skip`.
        failed: places of the runs of which a trial failed or took too long.
    """

    def __init__(
        self,
        design: BlockDesign,
        files: SweepFiles,
        *,
        runner: TrialRunner,
        progress: SweepProgress,
        positions: Counter[int] | None = None,
    ) -> None:
        """Prepare the trials; nothing is measured yet.

        Args:
            design: the runs, the schedule and the workload.
            files: where rows go, and the trials that are on file.
            runner: runs one trial.
            progress: shows the trials, and says whether more of them fit the budget.
            positions: number of trials in each block so far; default None counts those of this design alone.
        """
        self.design = design
        self.progress = progress
        self.failed: set[int] = set()
        self._files = files
        self._runner = runner
        self._disturbed: set[tuple[int, int]] = set()
        self._ended: set[int] = set()
        self._positions: Counter[int] = Counter() if positions is None else positions
        self._limits: TrialLimits | None = None
        self._opened = ExitStack()

    @property
    def runs(self) -> Sequence[ScheduledRun]:
        """Content of a full block."""
        return self.design.runs

    @property
    def pictures(self) -> DeliveredPictures | None:
        """A few samples as they were delivered; None for none."""
        return self._runner.pictures or self.design.workload.pictures

    @property
    def importance(self) -> Sequence[int]:
        """Numbers of all configurations, where a budget may leave out the last ones altogether; else none."""
        return self.design.plan.importance

    @property
    def schedule(self) -> Schedule:
        """Number of blocks and epochs, seed."""
        return self.design.schedule

    def run_trial(
        self, place: int, block: int, attempt: int = 0, workload: Workload | None = None
    ) -> Iterator[Row]:
        """Run one trial and yield its rows, each once it is on disk and before the next epoch begins.

        A failure is a row too, and puts the place into `failed`. Nothing runs before the first row is asked
        for. Where the iterator is closed early, the trial ends.

        Args:
            place: place of the run in the design.
            block: number of the block, from 0.
            attempt: 1 for the repetition of a disturbed trial, else 0.
            workload: what it trains; default None for that of the design.

        Yields:
            Rows that were measured now; none where all of the trial is on file.

        Raises:
            DataChangedError: the data changed during the sweep.
            StorageError: a row can't be written.
        """
        run = self.design.runs[place]
        trial = self.design.make_trial(run, block, self._positions[block], attempt)
        if workload is not None:
            trial = replace(trial, workload=workload)
        self._positions[block] += 1
        completed = self._files.find_completed(run, trial)
        if completed is not None and completed.disturbed:
            self._disturbed.add((place, block))
        if completed is not None and self._files.is_whole(run, trial):
            self.progress.skip(place)
            if completed.ended_badly:
                self.failed.add(place)
            return
        known = {} if completed is None else completed.walls_ns
        if known:
            # At least one epoch more than are on file, or the trial could never complete.
            trial = replace(trial, epochs=max(trial.epochs, max(known) + 2))
        self._limit_time(place)
        began_s = read_running_s()
        with self.progress.trial(place, block, attempt):
            for row in self._runner.run(trial):
                if row.status != "ok":
                    row = self._add_cure(row)
                    self.failed.add(place)
                # A trial that was broken off runs its first epochs again, only to get to the missing ones.
                elif row.epoch in known:
                    continue
                self._files.write(run, row)
                self.progress.take(row)
                if row.disturbed is not None:
                    self._disturbed.add((place, block))
                yield row
            if self.importance:
                self.progress.note_once(self._runner.once_s)
        if place not in self.failed:
            self._ended.add(place)
        # A sweep that must end with its budget gives no trial more time.
        if place in self.failed and not self.importance:
            # A loader that hangs must not cost the others their blocks.
            self.progress.give_back(read_running_s() - began_s)

    def _add_cure(self, row: Row) -> Row:
        """Return the row of a failed trial, with the option that gives it more time where it was late.

        A sweep that goes on doesn't run it again.
        """
        if row.status != "timeout" or not str(row.error).startswith(LATE):
            return row
        cut = self._limits is not None and self._runner.limits.timeout_s < self._limits.timeout_s
        reason, option = (", as the budget left no more", "--budget") if cut else ("", "--timeout")
        return replace(row, error=f"{row.error}{reason}: unless it hangs, begin again with a larger {option}")

    def _limit_time(self, place: int) -> None:
        """Give the next trial half of the budget's rest, where the sweep must end with its budget.

        A trial that hangs then leaves time for the others. A run whose trials have ended before has all of
        the rest: it doesn't hang, and would lose its rank.

        Args:
            place: place of the run in the design.
        """
        if not self.importance or math.isinf(self.progress.budget_left_s):
            return
        if self._limits is None:
            self._limits = self._runner.limits
        share = 1.0 if place in self._ended else 0.5
        self._runner.limits = self._limits.end_within(self.progress.budget_left_s * share)

    def needs_repetition(self, place: int, block: int) -> bool:
        """Return whether the trial of a run in a block was disturbed and didn't fail."""
        return (place, block) in self._disturbed and place not in self.failed

    def is_on_file(self, place: int, block: int, attempt: int = 0) -> bool:
        """Return whether an earlier process has run all of a trial."""
        run = self.design.runs[place]
        return self._files.is_whole(run, self.design.make_trial(run, block, attempt=attempt))

    def fits(self, *places: int, block: int) -> bool:
        """Return whether the trials of these runs that a block lacks all end within the budget."""
        lacking = [place for place in places if not self.is_on_file(place, block)]
        return not lacking or self.progress.fits(*lacking)

    def read_runs(self) -> pd.DataFrame:
        """Return all rows of configurations that are on file, those of earlier processes too."""
        return results_folder.read_runs(self._files.folder)

    def _write_unavailable(self) -> None:
        """Write a row for each configuration that can't be measured here."""
        plan = self.design.plan
        for number, reason in plan.unavailable.items():
            if self._files.has_unavailable(number):
                continue
            run = ScheduledRun(plan.configurations[number], number, plan.baselines[number], epochs=0)
            row = self.design.make_trial(run, block=0).make_row(epoch=0)
            self._files.write(run, replace(row, status="unavailable", error=reason))

    def __enter__(self) -> Self:
        with ExitStack() as opened:
            opened.enter_context(self._files.open(self.design))
            opened.enter_context(self.progress)
            self._write_unavailable()
            self._opened = opened.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._opened.close()
