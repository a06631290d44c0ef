"""Measure every configuration of a plan, block by block: `python -m bench.sweep`."""

from __future__ import annotations

from contextlib import suppress

import torch
from rich.console import Console

from bench.cli.command_line import run_command
from bench.cli.sweep_command import make_sweep_command
from bench.plan.ceilings import find_ceilings
from bench.plan.grid import Machine, make_plan
from bench.plan.offer import Offer
from bench.plan.plan import PlanError
from bench.plan.prepared_sweep import PreparedSweep
from bench.plan.schedule import schedule_runs
from bench.plan.sweep_options import SweepOptions
from bench.process import interrupts, process_tree
from bench.process.errors import ProcessError
from bench.process.forkserver import prepare_context
from bench.records import results_folder
from bench.records.errors import ResultsError, StorageError
from bench.report.console import make_console
from bench.report.file_progress import show_downloads
from bench.report.labels import name_configurations
from bench.report.notices import Notices
from bench.report.opening import print_start
from bench.report.output import complain
from bench.report.plan_table import print_plan
from bench.report.progress import SweepProgress
from bench.report.sweep_outcome import SweepOutcome
from bench.report.sweep_report import report_sweep
from bench.runner.block_design import BlockDesign
from bench.runner.block_trials import BlockTrials
from bench.runner.blocks import BlockRunner
from bench.runner.environment_record import find_recorded_threads, record_environment
from bench.runner.preparation import check_machine, prepare_loaders
from bench.runner.sweep_files import SweepFiles
from bench.runner.trial_limits import TrialLimits
from bench.runner.trial_process import DataChangedError, TrialRunner
from bench.trial.workload import Workload
from bench.workloads.choice import WorkloadChoice, choose_workload
from bench.workloads.target import TargetError
from loaders.data.errors import DataError

USER_ERRORS = (PlanError, TargetError, DataError, ResultsError, ProcessError)


def run_sweep(options: SweepOptions) -> int:
    """Run one sweep: plan, measure, report.

    Returns:
        Exit code: 0; 1 if a trial failed, an A/A check claims too much, data changed or a file can't be
        written; 130 if interrupted.
    """
    console = make_console()
    try:
        choice = choose_workload(options)
        sweep = plan_sweep(options, choice.offer)
        if options.dry_run:
            print_plan(console, sweep)
            print_start(console, sweep, choice.expected_samples)
            return 0
        return measure_sweep(console, sweep, choice)
    except KeyboardInterrupt:
        # It came before the first trial, or after the report.
        complain("interrupted")
        return interrupts.INTERRUPTED


def plan_sweep(options: SweepOptions, offer: Offer) -> PreparedSweep:
    """Choose the configurations, their names and their folder. Nothing is made.

    Args:
        options: order that the sweep carries out.
        offer: loaders that serve the workload.

    Raises:
        PlanError: nothing that was asked for can be measured here.
        ResultsError: the folder can't take a sweep.
    """
    num_threads = find_recorded_threads(options.resume) or torch.get_num_threads()
    machine = Machine(cuda=torch.cuda.is_available(), num_threads=num_threads)
    plan = make_plan(options.request, machine, offer)
    # An A/A check needs no ceilings.
    ceilings = {} if options.request.aa_pairs else find_ceilings(plan)
    folder = options.resume or results_folder.name_folder(options.out, options.name)
    if options.resume is None:
        results_folder.check_folder(folder)
    names = name_configurations(plan, twins=bool(options.request.aa_pairs))
    runs = schedule_runs(plan, ceilings, options.schedule.epochs)
    return PreparedSweep(options, machine, plan, tuple(names), tuple(runs), folder)


def measure_sweep(console: Console, sweep: PreparedSweep, choice: WorkloadChoice) -> int:
    """Measure a sweep into its folder, and report it.

    Returns:
        Exit code.
    """
    notices = Notices(console)
    with show_downloads(console) as show:
        workload = choice.find(notices.add, show)
    if not sweep.is_resumed:
        results_folder.make_folder(sweep.folder)
    with results_folder.lock_folder(sweep.folder):
        differences = record_environment(sweep, workload)
        prepare_loaders(console, sweep, workload, notices)
        check_machine(console, sweep, workload, notices)
        samples = workload.samples or choice.expected_samples
        print_start(console, sweep, samples, workload.name)
        trials = BlockTrials(
            BlockDesign(sweep.plan, sweep.runs, sweep.options.schedule, workload),
            SweepFiles(sweep.folder, resumed=sweep.is_resumed, differences="; ".join(differences) or None),
            runner=make_trial_runner(sweep, workload),
            progress=SweepProgress.for_sweep(console, sweep, samples),
        )
        # An interrupt ends the measuring, and waits while the report is made, which takes a moment.
        with interrupts.hold():
            outcome = run_blocks(trials)
            code = report_sweep(console, sweep, outcome, notices, workload)
    return interrupts.INTERRUPTED if outcome.interrupted else code


def make_trial_runner(sweep: PreparedSweep, workload: Workload) -> TrialRunner:
    """Make the runner of trials; the server that their processes are forked from starts here."""
    process_tree.become_subreaper()
    return TrialRunner(
        prepare_context(
            {type(workload).__module__, *(type(run.configuration.spec).__module__ for run in sweep.runs)}
        ),
        TrialLimits(sweep.options.timeout_s, sweep.options.memory_limit),
        sweep.folder / results_folder.LOG,
    )


def run_blocks(trials: BlockTrials) -> SweepOutcome:
    """Run all blocks, or as many as there are until an interrupt or an error."""
    problem = None
    blocks = BlockRunner(trials)
    try:
        with suppress(KeyboardInterrupt), interrupts.let_through(), trials:
            blocks.run()
    except (StorageError, DataChangedError) as error:
        problem = error
    return SweepOutcome(blocks.left_out, tuple(blocks.imprecise), interrupts.was_interrupted(), problem)


def main() -> None:
    """Entry point of `python -m bench.sweep`."""
    run_command(make_sweep_command(run_sweep), user_errors=USER_ERRORS)


if __name__ == "__main__":
    main()
