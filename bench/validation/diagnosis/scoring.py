"""Scoring: explain each planted training as the command would, and compare it with its truth."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path

from rich.console import Console

from bench.analysis.explanation.explanation import Explanation
from bench.plan.explain_options import ExplainOptions
from bench.plan.plan import PlanError
from bench.process.errors import ProcessError
from bench.process.forkserver import prepare_context
from bench.report.progress.sweep_observer import SweepObserver
from bench.runner.explanation.explain_session import measure_explanation
from bench.text import describe_error, format_share, printable
from bench.validation.diagnosis.machine_costs import measure_costs
from bench.validation.diagnosis.neighbour import keep_to_cores, run_neighbour
from bench.validation.diagnosis.outcome import Outcome
from bench.validation.diagnosis.plant import Plant
from bench.validation.diagnosis.score import Score
from bench.validation.diagnosis.score_tables import (
    make_title,
    print_alike,
    print_matrix,
    print_outcome,
    print_score,
    print_titles,
)
from bench.validation.diagnosis.slow_pictures import SlowFashionMnist, SlowPictureChoice
from bench.validation.diagnosis.slow_transfer import OwnLoaderWithTransfer, TransferChoice
from bench.validation.own_case import OWN_MODULES
from bench.workloads.choice import choose_workload
from bench.workloads.target.target import TargetError

# Explains a planted training. Its arguments are the training, the number of blocks, and a folder.
ExplainPlant = Callable[[Plant, int, Path], Explanation]
MODULES = (*OWN_MODULES, OwnLoaderWithTransfer.__module__, SlowFashionMnist.__module__)
# A planted cause that costs less on this machine isn't scored.
LEAST_SHARE = 0.2


class NotExplainedError(RuntimeError):
    """A planted training that wasn't explained, in one line."""


def score_diagnosis(plants: Sequence[Plant], blocks: int, console: Console) -> int:
    """Explain planted trainings on two cores, and print how often their causes are named.

    Args:
        plants: the trainings.
        blocks: number of blocks of each explanation.
        console: prints a line for each of them, the confusion matrix, and the conclusion.

    Returns:
        Exit code: 0 if enough causes are named, and none is wrong that claims to be sure; else 1.
    """
    began_s = time.monotonic()
    with keep_to_cores():
        # The first server decides what trials find imported.
        costs = measure_costs(prepare_context(MODULES))
        console.print(
            f"Here a worker takes {costs.worker_ms:.1f} ms to start and end, {costs.import_ms:,.0f} ms more "
            f"if it isn't forked, and 1 MiB {costs.pipe_ms:.2f} ms to cross a pipe; several threads lengthen "
            f"a step of {costs.threaded_step_ms:.1f} ms by {costs.crowd_ms:.1f} ms",
            soft_wrap=True,
        )
        planted = _choose_plants([plant.calibrate(costs) for plant in plants], console)
        score = explain_plants(planted, blocks, console, explain_plant)
    console.print()
    print_matrix(console, score)
    print_alike(console, [outcome.plant for outcome in score.outcomes])
    print_score(console, score, time.monotonic() - began_s)
    return 0 if score.passes else 1


def _choose_plants(plants: Sequence[Plant], console: Console) -> list[Plant]:
    """Return the trainings whose planted cause shows here, and print the others: threads may lose nothing."""
    chosen = []
    for plant in plants:
        if plant.plan.step_threaded and plant.true_share < LEAST_SHARE:
            share = format_share(plant.true_share)
            console.print(f"{plant.name} is left out: its threads cost {share} here", soft_wrap=True)
        else:
            chosen.append(plant)
    return chosen


def explain_plants(plants: Sequence[Plant], blocks: int, console: Console, explain: ExplainPlant) -> Score:
    """Explain planted trainings one after another, and print a line for each.

    One that is wrong while other processes used the machine is explained once more.

    Args:
        plants: the trainings, with what workers and pipes cost on this machine.
        blocks: number of blocks of each explanation.
        console: prints the lines.
        explain: explains one of them; NotExplainedError where it can't.
    """
    outcomes = []
    print_titles(console, len(plants))
    with tempfile.TemporaryDirectory() as folder:
        for place, plant in enumerate(plants, start=1):
            # Rarely refreshed: each refresh takes milliseconds from what is measured.
            with console.status(f"{make_title(place, len(plants))}{plant.name}", refresh_per_second=2):
                outcome = _find_outcome(plant, blocks, Path(folder) / plant.name, explain)
                if outcome.is_disturbed and not outcome.is_right:
                    again = _find_outcome(plant, blocks, Path(folder) / f"{plant.name}-again", explain)
                    outcome = replace(again, is_repeated=True)
            print_outcome(console, outcome, place, len(plants))
            outcomes.append(outcome)
    return Score(outcomes)


def _find_outcome(plant: Plant, blocks: int, out: Path, explain: ExplainPlant) -> Outcome:
    try:
        return Outcome(plant, explain(plant, blocks, out))
    except (NotExplainedError, PlanError, TargetError, ProcessError) as error:
        return Outcome(plant, None, printable(str(error)))


def explain_plant(plant: Plant, blocks: int, out: Path) -> Explanation:
    """Explain a planted training as the command would.

    Args:
        plant: the training.
        blocks: number of blocks.
        out: folder of the results.

    Raises:
        NotExplainedError: it can't be measured, or a file can't be written.
        PlanError: it can't be measured.
        TargetError: it can't be measured.
        ProcessError: no process can be started.
        KeyboardInterrupt: the user has ended it.
    """
    options = plant.make_options(blocks, out)
    with run_neighbour() if plant.has_neighbour else nullcontext():
        choice = choose_workload(options)
        if plant.has_pictures:
            choice = SlowPictureChoice(choice, plant.plan)
        elif plant.plan.transfer_ms and not plant.is_script:
            choice = TransferChoice(choice, plant.plan.transfer_ms)
        conclusion = measure_explanation(ExplainOptions(options), choice, SweepObserver())
    if conclusion.interrupted:
        raise KeyboardInterrupt
    if conclusion.explanation is None or conclusion.problems:
        reasons = (conclusion.failure, *map(describe_error, conclusion.problems))
        raise NotExplainedError(next(filter(None, reasons), "nothing was measured"))
    return conclusion.explanation
