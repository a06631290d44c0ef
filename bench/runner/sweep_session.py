"""Sweep session: prepare a sweep, measure it into its folder, and conclude it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from multiprocessing.context import BaseContext

import torch

from bench.analysis.aa import check_aa
from bench.machine.cpu_checks import count_usable_cores
from bench.plan.ceilings import find_ceilings
from bench.plan.grid import Machine, make_plan
from bench.plan.offer import Offer
from bench.plan.prepared_sweep import PreparedSweep
from bench.plan.schedule import schedule_runs
from bench.plan.sweep_options import SweepOptions
from bench.process import interrupts, process_tree
from bench.process.forkserver import prepare_context
from bench.records import results_folder
from bench.records.errors import StorageError
from bench.records.pictures_file import write_pictures
from bench.report.progress.sweep_observer import SweepObserver
from bench.report.remark import Remark
from bench.report.report_files import ReportFiles
from bench.report.sweep.conclusion import SweepConclusion
from bench.report.sweep.conclusion_file import SavedConclusion, write_conclusion
from bench.report.sweep.outcome import SweepOutcome
from bench.report.sweep.plan_names import name_configurations
from bench.report.sweep.sweep_report import find_rest, make_code
from bench.report.sweep.sweep_results import SweepResults
from bench.runner.block_design import BlockDesign
from bench.runner.block_trials import BlockTrials
from bench.runner.blocks import BlockRunner
from bench.runner.environment_record import find_recorded_cores, find_recorded_threads, record_environment
from bench.runner.preparation import check_machine, prepare_loaders
from bench.runner.revision.paired_trials import PairedTrials
from bench.runner.sweep_files import SweepFiles
from bench.runner.trial_limits import TrialLimits
from bench.runner.trial_process import DataChangedError, TrialRunner
from bench.trial.workload import Workload
from bench.workloads.choice import WorkloadChoice


def check_place(options: SweepOptions) -> None:
    """Check that a new folder can take the results, before a target is inspected, which may take minutes.

    Args:
        options: order to carry out.

    Raises:
        ResultsError: it can't.
    """
    if options.resume is None:
        results_folder.check_folder(results_folder.name_folder(options.out, options.name))


def prepare_sweep(options: SweepOptions, offer: Offer) -> PreparedSweep:
    """Choose the configurations, their names and their folder. Nothing is made.

    Args:
        options: order that the sweep carries out.
        offer: loaders that serve the workload.

    Raises:
        PlanError: nothing that was asked for can be measured here.
        ResultsError: the folder can't take a sweep.
    """
    if offer.most_epochs is not None:
        options = replace(options, schedule=options.schedule.limit_epochs(offer.most_epochs))
    num_threads = find_recorded_threads(options.resume) or torch.get_num_threads()
    cores = find_recorded_cores(options.resume) or count_usable_cores()
    machine = Machine(cuda=torch.cuda.is_available(), num_threads=num_threads, cores=cores)
    plan = make_plan(options.request, machine, offer)
    # An A/A check needs no ceilings.
    ceilings = {} if options.request.aa_pairs else find_ceilings(plan)
    folder = options.resume or results_folder.name_folder(options.out, options.name)
    if options.resume is None:
        results_folder.check_folder(folder)
    names = name_configurations(plan, twins=bool(options.request.aa_pairs))
    runs = schedule_runs(plan, ceilings, options.schedule.epochs)
    return PreparedSweep(options, machine, plan, tuple(names), tuple(runs), folder)


@contextmanager
def open_folder(
    sweep: PreparedSweep, choice: WorkloadChoice, observer: SweepObserver
) -> Iterator[tuple[Workload, list[str]]]:
    """Get the data, the folder and the files of the loaders ready.

    The folder is locked inside the `with` block.

    Args:
        sweep: sweep to measure.
        choice: what it trains.
        observer: is told of what happens.

    Yields:
        The workload, and the differences between this machine and the one on which a resumed sweep began.

    Raises:
        DataError: the data can't be had.
        ResultsError: the folder can't take the sweep, or the sweep can't go on in it.
        StorageError: a file can't be written.
    """
    with observer.show_downloads() as show:
        workload = choice.find(observer.notice, show)
    if not sweep.is_resumed:
        results_folder.make_folder(sweep.folder)
    with results_folder.lock_folder(sweep.folder):
        differences = record_environment(sweep, workload)
        prepare_loaders(sweep, workload, observer)
        check_machine(sweep, workload, observer)
        yield workload, differences


@contextmanager
def open_sweep(
    sweep: PreparedSweep, choice: WorkloadChoice, observer: SweepObserver
) -> Iterator[BlockTrials]:
    """Get everything ready that trials need: data, folder, files of the loaders, and the server of processes.

    The folder is locked inside the `with` block.

    Args:
        sweep: sweep to measure.
        choice: what it trains.
        observer: is told of what happens.

    Yields:
        The trials, for a policy to open and to choose from.

    Raises:
        ProcessError: no process can be started.
        The errors of `open_folder`.
    """
    with open_folder(sweep, choice, observer) as (workload, differences):
        samples = workload.samples or choice.expected_samples
        observer.show_start(sweep, samples, workload.name)
        yield BlockTrials(
            BlockDesign(sweep.plan, sweep.runs, sweep.options.schedule, workload),
            SweepFiles(sweep.folder, resumed=sweep.is_resumed, differences="; ".join(differences) or None),
            runner=TrialRunner(
                start_server(sweep, workload), find_limits(sweep), sweep.folder / results_folder.LOG
            ),
            progress=observer.make_progress(sweep, samples),
        )


def start_server(sweep: PreparedSweep, workload: Workload) -> BaseContext:
    """Start the server that the processes of trials are forked from, and return what starts them.

    Raises:
        ProcessError: no process can be started.
    """
    process_tree.become_subreaper()
    specs = [run.configuration.spec for run in sweep.runs]
    modules = {type(workload).__module__, *(type(spec).__module__ for spec in specs)}
    modules.update(module for spec in specs for module in spec.late_modules)
    return prepare_context(modules)


def find_limits(sweep: PreparedSweep) -> TrialLimits:
    """Return the time and memory that a trial of a sweep may take."""
    return TrialLimits(sweep.options.timeout_s, sweep.options.memory_limit)


def measure_sweep(sweep: PreparedSweep, choice: WorkloadChoice, observer: SweepObserver) -> SweepConclusion:
    """Measure all blocks of a sweep, and write its summary and charts, also of one that was not completed.

    Args:
        sweep: sweep to measure.
        choice: what it trains.
        observer: is told of what happens.

    Returns:
        Results, and the error or interrupt that ended the measuring.

    Raises:
        The errors of `open_sweep`.
    """
    # An interrupt ends the measuring, and waits while the results are concluded, which takes a moment.
    with open_sweep(sweep, choice, observer) as trials, interrupts.hold():
        outcome = run_blocks(trials)
        workload, pictures = trials.design.workload, trials.pictures
        return conclude_sweep(SweepConclusion(sweep, workload, outcome, pictures=pictures), observer)


def run_blocks(trials: BlockTrials | PairedTrials) -> SweepOutcome:
    """Run all blocks, or as many as there are until an interrupt or an error.

    Args:
        trials: the trials, which are opened for that.
    """
    problem = None
    blocks = BlockRunner(trials)
    finished = False
    try:
        with suppress(KeyboardInterrupt), interrupts.let_through(), trials:
            blocks.run()
            finished = True
    except (StorageError, DataChangedError) as error:
        problem = error
    interrupted = interrupts.was_interrupted() or not (finished or problem)
    unmeasured = () if interrupted or problem else tuple(blocks.unmeasured)
    return SweepOutcome(
        blocks.left_out, tuple(blocks.imprecise), interrupted, problem, unmeasured, blocks.rest_s
    )


def conclude_sweep(conclusion: SweepConclusion, observer: SweepObserver) -> SweepConclusion:
    """Read the results, and write summary.csv, charts and page. The observer sees the results first."""
    sweep, outcome = conclusion.sweep, conclusion.outcome
    problems: list[Exception] = [outcome.problem] if outcome.problem else []
    check = None
    undrawn: tuple[Remark, ...] = ()
    if (results := SweepResults.read(sweep.folder)) is not None:
        try:
            results_folder.write_csv(sweep.folder / results_folder.SUMMARY, results.summary)
        except StorageError as error:
            problems.append(error)
        if sweep.options.request.aa_pairs:
            check = check_aa(results.summary)
        measured = replace(conclusion, results=results, check=check)
        observer.show_results(measured)
        try:
            write_conclusion(sweep.folder, _save_conclusion(measured, results, observer))
            if conclusion.pictures is not None:
                write_pictures(sweep.folder, conclusion.pictures, conclusion.workload.class_names)
        except StorageError as error:
            problems.append(error)
        files = ReportFiles.write_sweep(results, with_charts=check is None)
        problems += files.unwritten
        undrawn = tuple(files.undrawn)
    conclusion = replace(conclusion, results=results, check=check, problems=tuple(problems), undrawn=undrawn)
    observer.show_end(conclusion)
    return conclusion


def _save_conclusion(
    conclusion: SweepConclusion, results: SweepResults, observer: SweepObserver
) -> SavedConclusion:
    """Return what the page shows beside the rows."""
    sweep, outcome = conclusion.sweep, conclusion.outcome
    chosen = [answer.configuration for answer in results.answers]
    return SavedConclusion(
        code={number: tuple(make_code(conclusion, number)) for number in chosen},
        notices=tuple(observer.notices),
        left_out=outcome.left_out,
        imprecise=outcome.imprecise,
        interrupted=outcome.interrupted,
        resume="" if (rest := find_rest(conclusion)) is None else rest.command,
        unmeasured=tuple(sweep.names[number] for number in outcome.unmeasured),
    )
