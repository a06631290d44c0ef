"""Measure the whole grid of a tuning, to see what its choice costs."""

from __future__ import annotations

from dataclasses import dataclass, replace

from bench.analysis.throughputs import Throughputs
from bench.analysis.tuning.exhaustive_regret import judge_by_grid
from bench.analysis.tuning.tuning import Exhaustive, Tuning
from bench.analysis.tuning.whole_epochs import compute_whole_throughputs
from bench.plan.offer import Offer
from bench.plan.plan import Plan
from bench.plan.prepared_sweep import PreparedSweep
from bench.plan.schedule import schedule_runs
from bench.process.running_clock import read_running_s
from bench.report.progress.sweep_observer import SweepObserver
from bench.report.sweep.conclusion import SweepConclusion
from bench.report.sweep.plan_names import name_configurations
from bench.report.tune.words import name_setting
from bench.runner.explanation.explained_setup import KnownChoice
from bench.runner.sweep_session import measure_sweep
from bench.runner.tuning.process_lab import STEADY_S
from bench.runner.tuning.stages import StageSetup
from bench.text import printable

EXHAUSTIVE = "exhaustive"
# Blocks of the whole grid. With fewer the noise of the fastest would hide a regret.
BLOCKS = 5
# A guess, for the time left to begin with.
EXPECTED_SAMPLES = 10_000


@dataclass(frozen=True)
class GridJudgement:
    """Judgement of a choice by the whole grid.

    Attributes:
        found: what the grid says; None where it says nothing.
        missing: one sentence that says why it says nothing; empty if it says something.
        problems: errors that ended the measuring or kept a file from being written.
    """

    found: Exhaustive | None = None
    missing: str = ""
    problems: tuple[Exception, ...] = ()


def sweep_whole_grid(tuning: PreparedSweep, plan: Plan, blocks: int) -> PreparedSweep:
    """Return the sweep of all that a tuning chooses from, without its budget and its ceilings.

    Args:
        tuning: the tuning as a sweep.
        plan: the candidates; the present one comes first.
        blocks: number of blocks.
    """
    schedule = replace(tuning.options.schedule, blocks=blocks, steady_s=STEADY_S["confirm"])
    return replace(
        tuning,
        plan=plan,
        names=tuple(name_configurations(plan, twins=False)),
        runs=tuple(schedule_runs(plan, {}, schedule.epochs)),
        # No options of the command measure these configurations.
        options=replace(tuning.options, schedule=schedule, budget_s=None, config=""),
    )


def measure_exhaustively(
    setup: StageSetup, tuning: Tuning, batches: int, offer: Offer, observer: SweepObserver
) -> GridJudgement:
    """Measure every candidate in blocks, with trials as long as the longest of the tuning.

    Args:
        setup: the tuning.
        tuning: what it has found.
        batches: number of batches of an epoch, that of the longest trials of the tuning.
        offer: loaders that serve the workload.
        observer: shows the progress.

    Raises:
        The errors of `measure_sweep`.
    """
    workload = setup.cut(batches)
    sweep = sweep_whole_grid(setup.sweep, setup.plan, BLOCKS)
    sweep = replace(sweep, folder=setup.sweep.folder / EXHAUSTIVE)
    began_s = read_running_s()
    choice = KnownChoice(workload, offer, workload.samples or EXPECTED_SAMPLES)
    conclusion = measure_sweep(sweep, choice, SweepObserver(observer.console))
    seconds = read_running_s() - began_s
    runs = None if conclusion.results is None else conclusion.results.runs
    speeds = {} if runs is None else compute_whole_throughputs(runs, setup.whole_samples)
    judged = judge_by_grid(speeds, tuning.outcome.chosen)
    if judged is None:
        return GridJudgement(
            missing=explain_missing(tuning, conclusion, speeds), problems=conclusion.problems
        )
    blocks = len({block for found in speeds.values() for block in found})
    found = Exhaustive(
        blocks=blocks,
        seconds=seconds,
        configurations=len(speeds),
        best=judged.best,
        regret=judged.regret,
        present_gain=judged.present_gain,
        time_share=tuning.seconds / seconds,
    )
    return GridJudgement(found, problems=conclusion.problems)


def explain_missing(tuning: Tuning, conclusion: SweepConclusion, speeds: Throughputs) -> str:
    """Return why the whole grid doesn't tell the regret, in one sentence.

    Args:
        tuning: the tuning that the grid was to judge.
        conclusion: end of the grid's sweep.
        speeds: samples per second of each block of the grid, by configuration.
    """
    numbers = dict.fromkeys((tuning.outcome.chosen, 0))
    lacking = next((number for number in numbers if number not in speeds), None)
    told = "The whole grid tells no regret"
    if conclusion.outcome.interrupted:
        return f"{told}, as it was interrupted."
    if conclusion.problems or conclusion.results is None:
        return f"{told}, as it ended early."
    if lacking is None:
        return f"{told}, as {name_setting(tuning, tuning.outcome.chosen)} has too few blocks in it."
    runs = conclusion.results.runs
    failed = runs[(runs["configuration"] == lacking) & (runs["status"] != "ok")]
    error = f": {printable(str(failed['error'].iloc[0]))}" if len(failed) else ""
    return f"{told}, as {name_setting(tuning, lacking)} has no sound trial in it{error.rstrip('.')}."
