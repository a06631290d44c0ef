"""Stages: the trials of each part of a tuning, in a folder of its own."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from multiprocessing.context import BaseContext
from pathlib import Path

from bench.analysis.tuning.lab import Stage
from bench.analysis.tuning.tuning import StageFacts
from bench.plan.ceiling_loaders import OwnStepCeiling, StepCeiling
from bench.plan.ceilings import find_ceilings
from bench.plan.plan import Plan
from bench.plan.prepared_sweep import PreparedSweep
from bench.plan.schedule import ScheduledRun, name_runs, schedule_runs
from bench.process.running_clock import read_running_s
from bench.records import results_folder
from bench.records.errors import ResultsError
from bench.report.progress.sweep_observer import SweepObserver
from bench.report.progress.tune_progress import StageProgress, TuneProgress
from bench.runner.block_design import BlockDesign
from bench.runner.block_trials import BlockTrials
from bench.runner.preparation import prepare_loaders
from bench.runner.sweep_files import SweepFiles
from bench.runner.sweep_session import find_limits
from bench.runner.trial_limits import LEAST_TIMEOUT_S
from bench.runner.trial_process import TrialRunner
from bench.runner.tuning.process_lab import MOST_OF_LEFT, STEADY_S, ProcessLab, StageTrials
from bench.runner.tuning.stage_lengths import cut_workload
from bench.trial.workload import Workload
from loaders.data.errors import DataError


@dataclass(frozen=True)
class StageSetup:
    """Setup that the parts of a tuning share.

    Attributes:
        sweep: the tuning as a sweep: its options and its folder.
        plan: the candidates; the present one comes first.
        names: their names.
        workload: what they train, with whole epochs.
        whole: number of batches of an epoch of the training; None where it isn't known.
        whole_samples: samples of an epoch of the training; None where it isn't known.
        context: starts the processes.
        ends_s: reading of `read_running_s()` at which the budget ends; default infinity for none.
        unprepared: why files of loaders can't be made, by their `files_key`, as far as was tried.
    """

    sweep: PreparedSweep
    plan: Plan
    names: tuple[str, ...]
    workload: Workload
    whole: int | None
    whole_samples: int | None
    context: BaseContext
    ends_s: float = math.inf
    unprepared: dict[object, str] = field(default_factory=dict)

    def cut(self, batches: int) -> Workload:
        """Return the workload with epochs of some batches."""
        size = self.plan.configurations[0].spec.knobs().get("batch_size")
        return cut_workload(self.workload, batches, self.whole, size if isinstance(size, int) else None)

    def make_trials(
        self,
        stage: Stage,
        batches: int,
        numbers: Sequence[int],
        progress: TuneProgress,
        observer: SweepObserver,
    ) -> StageTrials:
        """Make the folder of a part and the files that its loaders need, and return its trials.

        Args:
            stage: the part.
            batches: number of batches of its epochs.
            numbers: the configurations that it measures.
            progress: progress of the tuning.
            observer: takes notices of files that are made.

        Raises:
            ResultsError: the folder can't be made.
            StorageError: a file can't be written.
        """
        workload, folder = self.cut(batches), self.sweep.folder / stage
        part = replace(self.sweep, plan=self.plan, names=self.names, runs=tuple(self._list_runs(stage)))
        make_part_folder(self.sweep.folder, folder)
        self._prepare_loaders(workload, numbers, observer)
        # Every epoch is inspected while it runs. In full, off the clock, only what may be chosen is audited.
        schedule = replace(self.sweep.options.schedule, steady_s=STEADY_S[stage])
        design = BlockDesign(self.plan, part.runs, schedule, workload, repeats=stage == "confirm")
        limits = find_limits(self.sweep)
        runner = TrialRunner(self.context, limits, self.sweep.folder / results_folder.LOG)
        labels = name_runs(part.runs, self.names)
        shown = StageProgress(progress, stage, labels, self.whole_samples)
        trials = BlockTrials(design, SweepFiles(folder), runner=runner, progress=shown)
        problems = {
            number: self.unprepared[one.spec.files_key]
            for number, one in enumerate(self.plan.configurations)
            if one.spec.files_key in self.unprepared
        }
        return StageTrials(trials, runner, limits, batches, self._prepare, problems)

    def _prepare_loaders(self, workload: Workload, numbers: Sequence[int], observer: SweepObserver) -> None:
        """Make the files that some configurations need, unless that has failed before."""
        configurations = tuple(
            one
            for one in (self.plan.configurations[number] for number in numbers)
            if one.spec.files_key not in self.unprepared
        )
        plan = Plan(configurations, (0,) * len(configurations), (), {})
        left_s = self.ends_s - read_running_s()
        within_s = None if math.isinf(left_s) else max(LEAST_TIMEOUT_S, MOST_OF_LEFT * left_s)
        self.unprepared.update(prepare_loaders(replace(self.sweep, plan=plan), workload, observer, within_s))

    def _prepare(self, number: int, batches: int) -> Workload:
        """Return what a configuration trains with epochs of some batches, whose files are made."""
        workload = self.cut(batches)
        # Its trial tells what is wrong.
        with contextlib.suppress(DataError):
            workload.prepare(self.plan.configurations[number].spec)
        return workload

    def _list_runs(self, stage: Stage) -> list[ScheduledRun]:
        """Return the candidates, and for fresh blocks their steps alone."""
        ceilings = find_ceilings(self.plan) if stage == "confirm" else {}
        steps = {
            ceiling: bounded
            for ceiling, bounded in ceilings.items()
            if isinstance(ceiling.spec, OwnStepCeiling | StepCeiling)
        }
        return schedule_runs(self.plan, steps, self.sweep.options.schedule.epochs)


def make_part_folder(whole: Path, part: Path) -> None:
    """Make the folder of a part of a tuning, with a copy of the facts of machine and data.

    Raises:
        ResultsError: the folder can't be made.
        StorageError: a file can't be written.
    """
    results_folder.make_folder(part)
    with contextlib.suppress(ResultsError):
        environment = results_folder.read_environment(whole)
        results_folder.write_json(part / results_folder.ENVIRONMENT, environment)


def describe_stages(lab: ProcessLab) -> list[StageFacts]:
    """Return what each part that ran has taken."""
    return [
        StageFacts(
            stage,
            tally.trials,
            tally.seconds,
            part.batches,
            part.batches == lab.lengths.whole,
            lab.lengths.find_far_batches(stage),
        )
        for stage, part in lab.stages.items()
        if (tally := lab.tallies.get(stage)) is not None
    ]
