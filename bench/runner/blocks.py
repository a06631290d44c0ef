"""Runs a sweep block by block: which trials a block holds, in which order, and what is run again."""

from __future__ import annotations

import itertools
import random
import time
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

from bench.analysis.stopping_rule import find_open_contenders
from bench.plan.ceiling_loaders import CEILING_KNOBS
from bench.plan.plan import Plan
from bench.plan.schedule import Schedule, ScheduledRun
from bench.records import results_folder
from bench.records.runs_file import RunsFile
from bench.report.progress import SweepProgress
from bench.runner.completed_trials import CompletedTrial, CompletedTrials
from bench.runner.trial_process import TrialRunner
from bench.trial.trial import Trial
from loaders.data.dataset_ref import DatasetRef


class BlockRunner:
    """The blocks of one sweep into one folder.

    resumed: go on where an earlier process stopped: what it measured isn't measured again. resumed_with:
    what is other than then, for the rows to say. left_out: the trials that the budget left no time for.
    short: once the blocks have run, the numbers of the configurations that the budget kept from the
    precision asked for.
    """

    def __init__(
        self,
        plan: Plan,
        jobs: list[ScheduledRun],
        dataset: DatasetRef,
        course: Schedule,
        folder: Path,
        *,
        runner: TrialRunner,
        progress: SweepProgress,
        resumed: bool = False,
        resumed_with: str | None = None,
    ) -> None:
        self._plan = plan
        self._jobs = jobs
        self._dataset = dataset
        self._course = course
        self._folder = folder
        self._runner = runner
        self._progress = progress
        self._resumed_with = resumed_with
        self._resumed = resumed
        names = (results_folder.RUNS, results_folder.CEILINGS, results_folder.DEVICE)
        self._past = {
            name: CompletedTrials.of(folder, name) if resumed else CompletedTrials() for name in names
        }
        self._failed: set[int] = set()
        self.left_out = 0
        self.short: list[int] = []

    def run(self) -> None:
        """Run them all; the row of each epoch is on disk before the next epoch begins."""
        with ExitStack() as files:
            self._runs = files.enter_context(self._file(results_folder.RUNS, self._plan.knobs()))
            if any(job.bounds is not None for job in self._jobs):
                self._limits = files.enter_context(self._file(results_folder.CEILINGS, list(CEILING_KNOBS)))
            if any(job.configuration.device == "cuda" for job in self._jobs):
                self._device = files.enter_context(self._file(results_folder.DEVICE, self._plan.knobs()))
            files.enter_context(self._progress)
            for number, reason in self._plan.unavailable.items():
                if number in self._past[results_folder.RUNS].unavailable:
                    continue
                job = ScheduledRun(self._plan.configurations[number], number, self._plan.baselines[number], 0)
                row = self._trial(job, 0, 0, 0).row(epoch=0)
                self._runs.write(replace(row, status="unavailable", error=reason))
            for block in itertools.count():
                due = self._due(block)
                if not due:
                    break
                if not self._run_block(block, due):
                    rest = max(0, self._course.blocks - block - 1)
                    self.left_out += rest * sum(self._jobs[place].bounds is None for place in due)
                    break
            if self._course.precision is not None:
                self.short = find_open_contenders(
                    results_folder.read_runs(self._folder), self._course.precision
                )

    def _file(self, name: str, knobs: list[str]) -> RunsFile:
        path = self._folder / name
        begun = self._resumed and results_folder.has_header(self._folder, name)
        if self._resumed and not begun:
            # Made and never written to, by a sweep that was killed just then.
            path.unlink(missing_ok=True)
        return RunsFile(path, knobs, resumed=begun)

    def _due(self, block: int) -> list[int]:
        """The places of the jobs that this block holds, shuffled; none after the last block."""
        places = list(range(len(self._jobs)))
        if block >= self._course.blocks:
            if self._course.precision is None:
                return []
            runs = results_folder.read_runs(self._folder)
            # Of a block that was begun before, the same are due as then.
            wanted = set(find_open_contenders(runs[runs["block"] < block], self._course.precision))
            places = [n for n in places if (self._jobs[n].bounds or {self._jobs[n].number}) & wanted]
        # A configuration with a failed trial has no rank any more: what else it would do takes others' time.
        places = [place for place in places if place not in self._failed]
        if block >= self._course.blocks:
            # Half a block of contenders gains no ratio.
            if not self._fits_all(places, block):
                return []
            self._progress.add(places)
        random.Random(f"{self._course.seed}/{block}").shuffle(places)
        if block > 0 and not self._fits_all(places, block):
            # What can't be whole begins with the baselines: without theirs no ratio gains a block. Then what
            # is quickest, so that as many as can be gain one.
            places.sort(key=self._urgency)
        return places

    def _fits_all(self, places: list[int], block: int) -> bool:
        """Whether all that is missing of a block ends within the budget."""
        return self._progress.fits(*(place for place in places if not self._is_past(place, block)))

    def _urgency(self, place: int) -> tuple[bool, float]:
        """The baselines first, then by time."""
        job = self._jobs[place]
        return job.bounds is not None or job.number != job.baseline, self._progress.trial_s(place)

    def _run_block(self, block: int, due: list[int]) -> bool:
        """Run a block's trials, then once more those that were disturbed; False where none was run."""
        positions = itertools.count()
        disturbed = []
        ran = False
        for place in due:
            if block > 0 and not self._progress.fits(place) and not self._is_past(place, block):
                self._progress.skip(place)
                self.left_out += self._jobs[place].bounds is None
                continue
            ran = True
            if self._run_trial(place, block, next(positions), attempt=0):
                disturbed.append(place)
        # At the block's end, when whatever it was may be over.
        for place in disturbed:
            if self._progress.fits(place) or self._is_past(place, block, attempt=1):
                self._progress.add([place])
                self._run_trial(place, block, next(positions), attempt=1)
        return ran

    def _run_trial(self, place: int, block: int, position: int, attempt: int) -> bool:
        """Run one trial, or what is missing of it; whether it was disturbed."""
        job = self._jobs[place]
        file = self._runs if job.bounds is None else self._limits
        trial = self._trial(job, block, position, attempt)
        past = self._past_of(job).find(trial)
        disturbed = past is not None and past.disturbed
        if past is not None and self._is_whole(past, trial):
            self._progress.skip(place)
            if past.ended_badly:
                self._failed.add(place)
                self._progress.skip_rest(place, block)
            return disturbed and not past.ended_badly
        known = {} if past is None else past.walls_ns
        if known:
            # One more than there are, at least: or it could lack some for ever.
            trial = replace(trial, epochs=max(trial.epochs, max(known) + 2))
        started = time.monotonic()
        with self._progress.trial(place, block, attempt):
            for row in self._runner.run(trial):
                # The first epochs of one that was broken off are run again, for those after them.
                if row.epoch not in known or row.status != "ok":
                    its = self._device if row.timed_by == "events" else file
                    its.write(replace(row, resumed_with=self._resumed_with))
                    disturbed |= row.disturbed is not None
                if row.status != "ok":
                    self._failed.add(place)
        if place in self._failed:
            self._progress.skip_rest(place, block)
            # Or a loader that hangs would leave the others fewer blocks.
            self._progress.give_back(time.monotonic() - started)
            return False
        return disturbed

    def _is_past(self, place: int, block: int, attempt: int = 0) -> bool:
        """Whether an earlier process has run all of that trial."""
        trial = self._trial(self._jobs[place], block, 0, attempt)
        past = self._past_of(self._jobs[place]).find(trial)
        return past is not None and self._is_whole(past, trial)

    def _is_whole(self, past: CompletedTrial, trial: Trial) -> bool:
        """Whether nothing of it is missing, nor of what was timed on the device."""
        on_device = (
            past.ended_badly or not trial.has_device_pass or self._past[results_folder.DEVICE].find(trial)
        )
        return past.is_whole(trial) and bool(on_device)

    def _past_of(self, job: ScheduledRun) -> CompletedTrials:
        return self._past[results_folder.RUNS if job.bounds is None else results_folder.CEILINGS]

    def _trial(self, job: ScheduledRun, block: int, position: int, attempt: int) -> Trial:
        return Trial(
            configuration=job.configuration,
            number=job.number,
            baseline=job.baseline,
            block=block,
            position=position,
            attempt=attempt,
            dataset=self._dataset,
            epochs=job.epochs,
            # The same for all of them: one order of the samples, which the audit needs to see in full once.
            seed=self._course.seed,
            learning_rate=self._course.learning_rate,
            audited=job.bounds is None,
            steady_s=self._course.steady_s,
        )
