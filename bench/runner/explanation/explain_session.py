"""Explain session: measure one configuration in blocks, and explain what bounds it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict, replace

from bench.analysis.evidence import BlockEvidence, Evidence, LoaderSetup
from bench.analysis.explanation.explain import explain
from bench.analysis.explanation.explanation import Explanation
from bench.analysis.leaders import LeaderBoard
from bench.plan.ceiling_loaders import OwnStepCeiling, StepCeiling
from bench.plan.explain_options import ExplainOptions
from bench.plan.offer import Offer
from bench.plan.prepared_sweep import PreparedSweep
from bench.process import interrupts
from bench.process.running_clock import read_running_s
from bench.records import results_folder
from bench.records.errors import StorageError
from bench.records.probe_files import ProbeFiles
from bench.report.explain.conclusion import ExplainConclusion
from bench.report.explain.explanation_file import write_explanation
from bench.report.explain.opening import print_cut, print_explain_start, print_first_look, print_overrun
from bench.report.progress.sweep_observer import SweepObserver
from bench.report.progress.sweep_progress import SweepProgress
from bench.report.report_files import ReportFiles
from bench.runner.block_design import BlockDesign
from bench.runner.block_trials import BlockTrials
from bench.runner.epoch_cut import CutError, EpochCut, choose_cut, cut_epochs
from bench.runner.explanation.explain_blocks import PROBES, WHOLE, ExplainBlocks
from bench.runner.explanation.explain_forecast import ExplainForecast
from bench.runner.explanation.explained_setup import ExplainedSetup, KnownChoice
from bench.runner.explanation.loader_setup import describe_setup
from bench.runner.explanation.pilot_plans import PilotPlans
from bench.runner.explanation.probe_runner import ProbeRunner
from bench.runner.explanation.verification import check_break_even, verify_advice
from bench.runner.sweep_files import SweepFiles
from bench.runner.sweep_session import find_limits, open_folder, prepare_sweep, start_server
from bench.runner.trial_process import DataChangedError, TrialRunner
from bench.trial.workload import Workload
from bench.workloads.choice import WorkloadChoice


def prepare_explanation(options: ExplainOptions, offer: Offer) -> PreparedSweep:
    """Choose the configuration, its ceiling and its folder. Nothing is made.

    Args:
        options: order that the explanation carries out.
        offer: loaders that serve the workload.

    Raises:
        PlanError: the configuration can't be measured here.
        ResultsError: the folder can't take an explanation.
    """
    sweep = prepare_sweep(options.order, offer)
    # Of the ceilings only the step alone says what the loader costs.
    steps = (StepCeiling, OwnStepCeiling)
    runs = [run for run in sweep.runs if run.bounds is None or isinstance(run.configuration.spec, steps)]
    return replace(sweep, runs=tuple(runs))


def measure_explanation(
    options: ExplainOptions, choice: WorkloadChoice, observer: SweepObserver, began_s: float | None = None
) -> ExplainConclusion:
    """Measure a configuration and explain it, also where the measuring was interrupted.

    Args:
        options: order to carry out.
        choice: what it trains.
        observer: is told of what happens.
        began_s: reading of `read_running_s()` at which the budget began, before the workload was chosen;
            default None for now.

    Returns:
        The explanation, and the error or interrupt that ended the measuring.

    Raises:
        PlanError: the configuration can't be measured here.
        ProcessError: no process can be started.
        The errors of `open_folder`.
    """
    began_s = read_running_s() if began_s is None else began_s
    sweep = prepare_explanation(options, choice.offer)
    with open_folder(sweep, choice, observer) as (workload, _), interrupts.hold():
        return _Session(options, sweep, choice, observer, began_s).run(workload)


class _Session:
    """The parts of one explanation, which follow each other."""

    def __init__(
        self,
        options: ExplainOptions,
        sweep: PreparedSweep,
        choice: WorkloadChoice,
        observer: SweepObserver,
        began_s: float,
    ) -> None:
        self._options = options
        self._sweep = sweep
        self._choice = choice
        self._observer = observer
        self._began_s = began_s

    def run(self, workload: Workload) -> ExplainConclusion:
        """Measure, explain, verify and write."""
        sweep, folder = self._sweep, self._sweep.folder
        configuration = sweep.runs[0].configuration
        context, limits, log = start_server(sweep, workload), find_limits(sweep), folder / results_folder.LOG
        runner = TrialRunner(context, limits, log)
        forecast = ExplainForecast(sweep, workload, self._choice.expected_samples)
        has_budget = sweep.options.budget_s is not None
        try:
            with interrupts.let_through():
                cut = choose_cut(
                    workload, configuration, runner, self._announce_look, always_looks=has_budget
                )
        except CutError as error:
            return ExplainConclusion(folder, None, failure=str(error))
        except DataChangedError as error:
            return ExplainConclusion(folder, None, problems=(error,))
        left_s = self._find_left_s()
        if left_s is not None:
            cut = forecast.shorten(cut, left_s)
        workload = cut_epochs(workload, cut)
        self._record(cut)
        setup = describe_setup(configuration, workload, cut)
        self._show_start(setup, cut, forecast)
        trials = BlockTrials(
            BlockDesign(sweep.plan, sweep.runs, sweep.options.schedule, workload),
            SweepFiles(folder),
            runner=runner,
            progress=self._make_progress(forecast.list_s(cut)),
        )
        with ProbeFiles(folder) as files:
            pilots = PilotPlans(configuration, setup, workload, self._choice.offer, cut)
            blocks = ExplainBlocks(trials, ProbeRunner(context, limits, log), files, pilots.list_for)
            problem = _run_blocks(trials, blocks)
        conclusion = ExplainConclusion(
            folder,
            _explain(setup, blocks),
            failure=blocks.failure,
            interrupted=interrupts.was_interrupted(),
            problems=() if problem is None else (problem,),
            left_out=blocks.left_out,
        )
        return self._conclude(conclusion, workload, trials.progress.estimate_trial_s(WHOLE))

    def _announce_look(self, workload: Workload) -> None:
        print_first_look(self._observer.console, workload.name)

    def _record(self, cut: EpochCut) -> None:
        """Add the number of batches of an epoch to environment.json."""
        path = self._sweep.folder / results_folder.ENVIRONMENT
        environment = results_folder.read_environment(self._sweep.folder)
        results_folder.write_json(path, {**environment, "explanation": asdict(cut)})

    def _find_left_s(self) -> float | None:
        """Return the seconds that are left of the budget; None without one."""
        budget_s = self._options.order.budget_s
        return None if budget_s is None else max(0.0, budget_s - (read_running_s() - self._began_s))

    def _show_start(self, setup: LoaderSetup, cut: EpochCut, forecast: ExplainForecast) -> None:
        console, order = self._observer.console, self._options.order
        if cut.batches is not None and cut.is_cut:
            print_cut(console, cut.batches, cut.whole, cut.epoch_s)
        blocks = order.schedule.blocks
        seconds = blocks * math.fsum(forecast.list_s(cut).values())
        left_s, first_s = self._find_left_s(), forecast.estimate_first_s(cut)
        print_explain_start(console, setup, blocks, seconds, left_s)
        if left_s is not None and first_s is not None and first_s > left_s:
            print_overrun(console, first_s, left_s, is_asked=cut.asked)

    def _make_progress(self, estimates_s: Mapping[int, float]) -> SweepProgress:
        labels = [*self._sweep.name_runs(), *PROBES]
        blocks, board = self._options.order.schedule.blocks, LeaderBoard(self._sweep.names)
        return SweepProgress(
            self._observer.console, labels, estimates_s, blocks, self._find_left_s(), board=board
        )

    def _conclude(
        self, conclusion: ExplainConclusion, workload: Workload, trial_s: float
    ) -> ExplainConclusion:
        """Verify and check the explanation as was asked for, and write it with its charts.

        Args:
            conclusion: what was found.
            workload: what is trained, in epochs as long as the explained ones.
            trial_s: about how long a trial of the configuration takes, in seconds.
        """
        explanation = conclusion.found
        if explanation is None:
            return conclusion
        problems = list(conclusion.problems)
        try:
            # It is on disk before the advice is tried, which takes as long again.
            write_explanation(conclusion.folder, explanation)
            if not (conclusion.interrupted or problems):
                explanation = self._try_advice(explanation, workload, trial_s)
                write_explanation(conclusion.folder, explanation)
        except (StorageError, DataChangedError) as error:
            problems.append(error)
        files = ReportFiles.write_explanation(explanation, conclusion.folder)
        return replace(
            conclusion,
            found=explanation,
            interrupted=interrupts.was_interrupted(),
            problems=(*problems, *files.unwritten),
            undrawn=tuple(files.undrawn),
        )

    def _try_advice(self, explanation: Explanation, workload: Workload, trial_s: float) -> Explanation:
        """Make the changes and run the break-even step times, as far as that was asked for."""
        if self._options.verify:
            explanation = verify_advice(explanation, self._make_setup(workload, trial_s), self._observer)
        if self._options.check and not interrupts.was_interrupted():
            explanation = check_break_even(explanation, self._make_setup(workload, trial_s), self._observer)
        return explanation

    def _make_setup(self, workload: Workload, trial_s: float) -> ExplainedSetup:
        """Return the configuration, to be measured again in what is left of the budget now."""
        order = replace(self._options.order, budget_s=self._find_left_s())
        samples = workload.samples or self._choice.expected_samples
        choice = KnownChoice(workload, self._choice.offer, samples)
        return ExplainedSetup(replace(self._sweep, options=order), choice, trial_s)


def _run_blocks(trials: BlockTrials, blocks: ExplainBlocks) -> Exception | None:
    """Run all blocks, or as many as there are until an interrupt or an error, which is returned."""
    try:
        with suppress(KeyboardInterrupt), interrupts.let_through(), trials:
            blocks.run()
    except (StorageError, DataChangedError) as error:
        return error
    return None


def _explain(setup: LoaderSetup, blocks: ExplainBlocks) -> Explanation | None:
    """Explain what was measured so far; None where that is nothing."""
    measured: tuple[BlockEvidence, ...] = blocks.find_evidence()
    if not measured:
        return None
    cost = blocks.pickle_cost
    return explain(
        Evidence(
            setup,
            measured,
            blocks.failures,
            pickled_bytes=None if cost is None else cost.num_bytes,
            pickle_s=None if cost is None else cost.wall_s,
        )
    )
