"""Tune session: find the best configuration of a training, and measure what it gains."""

from __future__ import annotations

import math
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from functools import partial
from multiprocessing.context import BaseContext
from pathlib import Path

from bench.analysis.tuning.ceiling_share import find_ceiling_share
from bench.analysis.tuning.gpu_busy import find_gpu_busy
from bench.analysis.tuning.lab import Stage
from bench.analysis.tuning.outcome import Outcome
from bench.analysis.tuning.tuner import Tuner, TunerOptions
from bench.analysis.tuning.tuning import StageFacts, Tuning
from bench.machine.cpu_checks import count_usable_cores
from bench.plan.offer import Offer
from bench.plan.plan import PlanError, plan_against_first
from bench.plan.prepared_sweep import PreparedSweep
from bench.plan.search_space import SearchSpace, make_space, request_present
from bench.plan.tune_options import TuneOptions
from bench.process import interrupts
from bench.process.errors import ProcessError
from bench.process.running_clock import read_running_s
from bench.records.errors import ResultsError, StorageError
from bench.report.gpu_name import find_gpu_name
from bench.report.progress.sweep_observer import SweepObserver
from bench.report.progress.tune_progress import TuneProgress
from bench.report.report_files import ReportFiles
from bench.report.sweep.plan_names import name_configurations
from bench.report.tune.conclusion import TuneConclusion
from bench.report.tune.tuning_file import write_tuning
from bench.runner.epoch_cut import CutError
from bench.runner.sweep_session import open_folder, prepare_sweep, start_server
from bench.runner.trial_process import DataChangedError, check_unchanged
from bench.runner.tuning.candidates import describe_candidates, list_costs
from bench.runner.tuning.cautions import foresee_shortness, list_cautions
from bench.runner.tuning.exhaustive import GridJudgement, measure_exhaustively
from bench.runner.tuning.process_lab import ProcessLab, StageTrials
from bench.runner.tuning.search import Search, find_facts
from bench.runner.tuning.stage_lengths import compare_samples, count_samples, count_waiting
from bench.runner.tuning.stages import StageSetup, describe_stages
from bench.runner.tuning.step_ceilings import StepCeilings
from bench.runner.tuning.trial_lengths import TrialLengths
from bench.trial.workload import Workload
from bench.workloads.choice import WorkloadChoice
from loaders.data.errors import DataError

PROBE = "probe"
# Errors that end the measuring. What was measured until then is kept.
ENDING = (StorageError, DataChangedError, DataError, ResultsError, ProcessError)


def prepare_tuning(options: TuneOptions, offer: Offer) -> PreparedSweep:
    """Choose the present configuration and the folder. Nothing is made.

    Args:
        options: order that the tuning carries out.
        offer: loaders that serve the workload.

    Raises:
        PlanError: the request names what doesn't exist, or there is nothing to choose from.
        ResultsError: the folder can't take a tuning.
    """
    request = options.order.request
    sweep = prepare_sweep(replace(options.order, request=request_present(request, offer)), offer)
    sweep = replace(sweep, runs=tuple(run for run in sweep.runs if run.bounds is None))
    make_space(request, offer, sweep.plan.configurations[0], find_facts(sweep))
    return sweep


def measure_tuning(
    options: TuneOptions, choice: WorkloadChoice, observer: SweepObserver, began_s: float | None = None
) -> TuneConclusion:
    """Find the best configuration, also where the measuring was interrupted.

    Args:
        options: order to carry out.
        choice: what it trains.
        observer: is told of what happens.
        began_s: reading of `read_running_s()` at which the budget began, before the workload was chosen;
            default None for now.

    Returns:
        The tuning, and the error or interrupt that ended the measuring.

    Raises:
        ProcessError: no process can be started.
        The errors of `prepare_tuning` and `open_folder`.
    """
    # The budget begins before the data are checked and files are made.
    began_s = read_running_s() if began_s is None else began_s
    sweep = prepare_tuning(options, choice.offer)
    with open_folder(sweep, choice, observer) as (workload, _), interrupts.hold():
        context = start_server(sweep, workload)
        conclusion = _Session(options, sweep, choice.offer, observer, context).run(workload, began_s)
        # An interrupt that came after the last trial must not cost the answer.
        with suppress(KeyboardInterrupt), interrupts.let_through():
            pass
        return replace(conclusion, interrupted=conclusion.interrupted or interrupts.was_interrupted())


class _Session:
    """The parts of one tuning, which follow each other."""

    def __init__(
        self,
        options: TuneOptions,
        sweep: PreparedSweep,
        offer: Offer,
        observer: SweepObserver,
        context: BaseContext,
    ) -> None:
        self._options = options
        self._sweep = sweep
        self._offer = offer
        self._observer = observer
        self._context = context
        self._goal = TunerOptions(regret=options.regret, seed=sweep.options.schedule.seed)

    def run(self, workload: Workload, began_s: float) -> TuneConclusion:
        """Look, tune, compare with the whole grid if that was asked for, and write."""
        sweep, folder = self._sweep, self._sweep.folder
        budget_s = self._options.order.budget_s
        ends_s = math.inf if budget_s is None else began_s + budget_s
        search = Search(self._options, sweep, self._offer, self._context, ends_s)
        try:
            with interrupts.let_through():
                cut, look = search.look(workload)
                space = search.make_space(workload, look)
        except (CutError, PlanError) as error:
            return TuneConclusion(folder, None, failure=str(error))
        except KeyboardInterrupt:
            return TuneConclusion(folder, None, interrupted=True)
        except ENDING as error:
            return TuneConclusion(folder, None, problems=(error,))
        probe = StageFacts(PROBE, 1, read_running_s() - began_s)
        plan = plan_against_first(space.configurations)
        names = tuple(name_configurations(plan, twins=False))
        # An epoch that the user has cut is the training's.
        whole = cut.batches if cut.asked else cut.whole
        samples = None if whole is None else count_samples(workload, cut)
        setup = StageSetup(sweep, plan, names, workload, whole, samples, self._context, ends_s)
        progress = TuneProgress(self._observer.console, setup.names, ends_s)
        candidates = describe_candidates(setup.plan, setup.names)
        lab = ProcessLab(
            partial(self._open_stage, setup, progress),
            TrialLengths(whole, sweep.options.schedule.epochs, look, count_waiting(space.configurations)),
            look.process_s,
            setup.whole_samples,
            ends_s,
            compare_samples(workload, space.configurations),
        )
        trial_s = lab.estimate_s("screen", 0)
        if short := foresee_shortness(lab.find_left_s(), trial_s, lab.audit_trials):
            self._observer.notice(short)
        costs, settings = list_costs(space.configurations, candidates), [one.cells for one in candidates]
        # An interrupt waits for the next trial, so that what was measured is judged.
        with progress, lab:
            ceilings = StepCeilings(lab)
            outcome = Tuner(lab, costs, self._goal, settings, ceilings).run()
            lab.take_interrupt()
        outcome = replace(outcome, stop=lab.find_stop() or outcome.stop)
        stages = (probe, *describe_stages(lab))
        is_bounded = ceilings.bound(outcome.chosen)
        tuning = self._make_tuning(setup, space, outcome, stages, is_bounded=is_bounded)
        tuning = replace(
            tuning, interrupted=lab.interrupted, problem="" if lab.problem is None else str(lab.problem)
        )
        present = outcome.fates.get(0)
        failed = present is not None and present.end == "failed"
        conclusion = TuneConclusion(
            folder,
            tuning,
            failure=f"the present configuration failed: {present.problem}" if present and failed else "",
            interrupted=lab.interrupted,
            problems=() if lab.problem is None else (lab.problem,),
        )
        return self._conclude(conclusion, tuning, setup)

    def _make_tuning(
        self,
        setup: StageSetup,
        space: SearchSpace,
        outcome: Outcome,
        stages: tuple[StageFacts, ...],
        *,
        is_bounded: bool,
    ) -> Tuning:
        """Return everything that reports need of what was found.

        Args:
            setup: setup of the stages.
            space: the candidates.
            outcome: what became of each.
            stages: the parts of the tuning.
            is_bounded: whether there is a step that bounds the chosen one, measured or not.
        """
        confirm, call = self._sweep.folder / "confirm", self._offer.loader_call
        chosen = space.configurations[outcome.chosen]
        share = find_ceiling_share(confirm, outcome.chosen, setup.whole_samples, outcome.confirm_blocks)
        lacks_ceiling = share is None and is_bounded
        cautions = list_cautions(outcome, stages, setup.whole, space.left_out, lacks_ceiling=lacks_ceiling)
        return Tuning(
            name=setup.workload.name,
            device=chosen.device,
            step=chosen.step,
            cores=count_usable_cores(),
            candidates=describe_candidates(setup.plan, setup.names),
            infeasible=space.infeasible,
            outcome=outcome,
            regret=self._options.regret,
            confidence=1 - self._goal.error,
            stages=stages,
            ceiling_share=share,
            code=tuple(self._make_code(setup, outcome)),
            cautions=tuple(cautions),
            gpu=find_gpu_name(self._sweep.folder) if chosen.device == "cuda" else "",
            busy=find_gpu_busy(confirm, outcome.chosen),
            present_busy=find_gpu_busy(confirm, 0),
            loader_call=call and call.relative_to(Path.cwd()),
        )

    def _open_stage(
        self, setup: StageSetup, progress: TuneProgress, stage: Stage, batches: int, numbers: Sequence[int]
    ) -> StageTrials:
        # Files that are gone would be a notice of each loader family.
        check_unchanged(setup.workload)
        return setup.make_trials(stage, batches, numbers, progress, self._observer)

    def _make_code(self, setup: StageSetup, outcome: Outcome) -> list[str]:
        """Return the lines of code that make the chosen configuration."""
        sweep = replace(self._sweep, plan=setup.plan)
        spec = setup.plan.configurations[outcome.chosen].spec
        return sweep.add_threads(outcome.chosen, setup.workload.make_code(spec))

    def _conclude(self, conclusion: TuneConclusion, tuning: Tuning, setup: StageSetup) -> TuneConclusion:
        """Write the tuning, measure the whole grid as was asked for, and draw."""
        folder, problems = conclusion.folder, list(conclusion.problems)
        try:
            # It is on disk before the whole grid is measured, which takes many times as long.
            write_tuning(folder, tuning)
            if self._options.exhaustive:
                grid = self._measure_grid(tuning, setup)
                problems += grid.problems
                cautions = (*tuning.cautions, *filter(None, [grid.missing]))
                tuning = replace(tuning, exhaustive=grid.found, cautions=cautions)
                write_tuning(folder, tuning)
        except StorageError as error:
            problems.append(error)
        files = ReportFiles.write_tuning(tuning, folder)
        return replace(
            conclusion,
            found=tuning,
            problems=(*problems, *files.unwritten),
            undrawn=tuple(files.undrawn),
        )

    def _measure_grid(self, tuning: Tuning, setup: StageSetup) -> GridJudgement:
        """Measure the whole grid, with trials as long as the longest of the tuning."""
        batches = max((stage.batches or 0 for stage in tuning.stages), default=0)
        if tuning.ended_early or not batches:
            return GridJudgement(missing="The whole grid was not measured, as the tuning ended early.")
        try:
            return measure_exhaustively(setup, tuning, batches, self._offer, self._observer)
        except ENDING as error:
            missing = "The whole grid tells no regret, as it ended early."
            return GridJudgement(missing=missing, problems=(error,))
