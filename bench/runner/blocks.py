"""BlockRunner: run a sweep block by block."""

from __future__ import annotations

import itertools
import random
from contextlib import ExitStack
from dataclasses import replace

from bench.analysis.stopping_rule import find_open_contenders
from bench.plan.schedule import ScheduledRun
from bench.process.running_clock import read_running_s
from bench.records import results_folder
from bench.report.progress import SweepProgress
from bench.runner.block_design import BlockDesign
from bench.runner.sweep_files import SweepFiles
from bench.runner.trial_process import TrialRunner


class BlockRunner:
    """Runs the blocks of a sweep. It chooses the trials of each block, and repeats disturbed ones.

    Attributes:
        left_out: number of trials that the budget left no time for.
        imprecise: numbers of the configurations that the budget kept from the precision; empty at first.
    """

    def __init__(
        self, design: BlockDesign, files: SweepFiles, *, runner: TrialRunner, progress: SweepProgress
    ) -> None:
        """Prepare the blocks; nothing is measured yet.

        Args:
            design: the runs of a block, and the number of blocks.
            files: where rows go, and the trials that are on file.
            runner: runs one trial.
            progress: shows the trials, and says whether more of them fit the budget.
        """
        self._design = design
        self._runs = design.runs
        self._schedule = design.schedule
        self._files = files
        self._runner = runner
        self._progress = progress
        self._failed: set[int] = set()
        self.left_out = 0
        self.imprecise: list[int] = []

    def run(self) -> None:
        """Run all blocks; the row of each epoch is on disk before the next epoch begins."""
        with ExitStack() as opened:
            opened.enter_context(self._files.open(self._design))
            opened.enter_context(self._progress)
            self._write_unavailable()
            for block in itertools.count():
                due = self._choose_places(block)
                if not due:
                    break
                if not self._run_block(block, due):
                    blocks_left = max(0, self._schedule.blocks - block - 1)
                    self.left_out += blocks_left * sum(self._runs[place].bounds is None for place in due)
                    break
            if self._schedule.precision is not None:
                runs = results_folder.read_runs(self._files.folder)
                self.imprecise = find_open_contenders(runs, self._schedule.precision)

    def _write_unavailable(self) -> None:
        """Write a row for each configuration that can't be measured here."""
        plan = self._design.plan
        for number, reason in plan.unavailable.items():
            if self._files.has_unavailable(number):
                continue
            run = ScheduledRun(plan.configurations[number], number, plan.baselines[number], epochs=0)
            row = self._design.make_trial(run, block=0).make_row(epoch=0)
            self._files.write(run, replace(row, status="unavailable", error=reason))

    def _choose_places(self, block: int) -> list[int]:
        """Return the places in the design that this block runs, shuffled; none after the last block."""
        places = list(range(len(self._runs)))
        extra = block >= self._schedule.blocks
        if extra:
            places = self._find_contenders(block)
        # A failed trial costs its configuration the rank, so further trials would only take time from others.
        places = [place for place in places if place not in self._failed]
        if extra:
            # Half a block of contenders gains no ratio.
            if not self._fits_all(places, block):
                return []
            self._progress.add(places)
        random.Random(f"{self._schedule.seed}/{block}").shuffle(places)
        if block > 0 and not self._fits_all(places, block):
            # A block that won't be whole begins with the baselines, as ratios are made inside a block.
            # The quickest come next, so that as many as possible gain one.
            places.sort(key=self._rank_urgency)
        return places

    def _find_contenders(self, block: int) -> list[int]:
        """Return the places of the contenders that lack precision, and of their ceilings."""
        if self._schedule.precision is None:
            return []
        runs = results_folder.read_runs(self._files.folder)
        # Only earlier blocks count, so that a block that was broken off is resumed with the same contenders.
        wanted = set(find_open_contenders(runs[runs["block"] < block], self._schedule.precision))
        return [
            place for place, run in enumerate(self._runs) if (run.bounds or frozenset({run.number})) & wanted
        ]

    def _fits_all(self, places: list[int], block: int) -> bool:
        """Return whether all trials that a block lacks end within the budget."""
        return self._progress.fits(*(place for place in places if not self._is_on_file(place, block)))

    def _rank_urgency(self, place: int) -> tuple[bool, float]:
        """Return a key that sorts baselines first, then by the trial's length."""
        run = self._runs[place]
        return run.bounds is not None or run.number != run.baseline, self._progress.estimate_trial_s(place)

    def _run_block(self, block: int, due: list[int]) -> bool:
        """Run a block's trials, then repeat those that were disturbed.

        Returns:
            False where the budget left no time for any of them.
        """
        positions = itertools.count()
        disturbed = []
        ran = False
        for place in due:
            if block > 0 and not self._progress.fits(place) and not self._is_on_file(place, block):
                self._progress.skip(place)
                self.left_out += self._runs[place].bounds is None
                continue
            ran = True
            if self._run_trial(place, block, next(positions), attempt=0):
                disturbed.append(place)
        # Repeated at the end of the block, when the disturbance may be over.
        for place in disturbed:
            if self._progress.fits(place) or self._is_on_file(place, block, attempt=1):
                self._progress.add([place])
                self._run_trial(place, block, next(positions), attempt=1)
        return ran

    def _run_trial(self, place: int, block: int, position: int, attempt: int) -> bool:
        """Run one trial, or the epochs of it that are not on file.

        Returns:
            True where the trial was disturbed and didn't fail.
        """
        run = self._runs[place]
        trial = self._design.make_trial(run, block, position, attempt)
        completed = self._files.find_completed(run, trial)
        disturbed = completed is not None and completed.disturbed
        if completed is not None and self._files.is_whole(run, trial):
            self._progress.skip(place)
            if completed.ended_badly:
                self._failed.add(place)
                self._progress.skip_rest(place, block)
            return disturbed and not completed.ended_badly
        known = {} if completed is None else completed.walls_ns
        if known:
            # At least one epoch more than are on file, or the trial could never complete.
            trial = replace(trial, epochs=max(trial.epochs, max(known) + 2))
        began_s = read_running_s()
        with self._progress.trial(place, block, attempt):
            for row in self._runner.run(trial):
                # A trial that was broken off runs its first epochs again, only to get to the missing ones.
                if row.epoch not in known or row.status != "ok":
                    self._files.write(run, row)
                    disturbed |= row.disturbed is not None
                if row.status != "ok":
                    self._failed.add(place)
        if place in self._failed:
            self._progress.skip_rest(place, block)
            # A loader that hangs must not cost the others their blocks.
            self._progress.give_back(read_running_s() - began_s)
            return False
        return disturbed

    def _is_on_file(self, place: int, block: int, attempt: int = 0) -> bool:
        """Return whether an earlier process has run all of a trial."""
        run = self._runs[place]
        return self._files.is_whole(run, self._design.make_trial(run, block, attempt=attempt))
