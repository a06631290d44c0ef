"""Measure the whole grid of a tuning, to see what its choice costs."""

from __future__ import annotations

from dataclasses import replace

from bench.analysis.tuning.exhaustive_regret import judge_by_grid
from bench.analysis.tuning.tuning import Exhaustive, Tuning
from bench.analysis.tuning.whole_epochs import compute_whole_throughputs
from bench.plan.offer import Offer
from bench.plan.schedule import schedule_runs
from bench.process.running_clock import read_running_s
from bench.report.sweep_conclusion import SweepConclusion
from bench.report.sweep_observer import SweepObserver
from bench.runner.explained_setup import KnownChoice
from bench.runner.sweep_session import measure_sweep
from bench.runner.tuning.process_lab import STEADY_S
from bench.runner.tuning.stages import StageSetup

EXHAUSTIVE = "exhaustive"
# Blocks of the whole grid. With fewer the noise of the fastest would hide a regret.
BLOCKS = 5
# A guess, for the time left to begin with.
EXPECTED_SAMPLES = 10_000


def measure_exhaustively(
    setup: StageSetup, tuning: Tuning, batches: int, offer: Offer, observer: SweepObserver
) -> tuple[Exhaustive | None, SweepConclusion]:
    """Measure every candidate in blocks, with trials as long as the longest of the tuning.

    Args:
        setup: the tuning.
        tuning: what it has found.
        batches: number of batches of an epoch, that of the longest trials of the tuning.
        offer: loaders that serve the workload.
        observer: shows the progress.

    Returns:
        What the whole grid says of the choice, None where too little was measured; and its sweep.

    Raises:
        The errors of `measure_sweep`.
    """
    workload = setup.cut(batches)
    schedule = replace(setup.sweep.options.schedule, blocks=BLOCKS, steady_s=STEADY_S["confirm"])
    sweep = replace(
        setup.sweep,
        plan=setup.plan,
        names=setup.names,
        runs=tuple(schedule_runs(setup.plan, {}, setup.sweep.options.schedule.epochs)),
        folder=setup.sweep.folder / EXHAUSTIVE,
        # No options of the command measure these configurations, and the budget was that of the tuning.
        options=replace(setup.sweep.options, schedule=schedule, budget_s=None, config=""),
    )
    began_s = read_running_s()
    choice = KnownChoice(workload, offer, workload.samples or EXPECTED_SAMPLES)
    conclusion = measure_sweep(sweep, choice, SweepObserver(observer.console))
    seconds = read_running_s() - began_s
    if conclusion.results is None:
        return None, conclusion
    speeds = compute_whole_throughputs(conclusion.results.runs, setup.whole_samples)
    judged = judge_by_grid(speeds, tuning.outcome.chosen)
    if judged is None:
        return None, conclusion
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
    return found, conclusion
