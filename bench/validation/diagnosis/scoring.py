"""Scoring: explain each planted training as the command would, and compare it with its truth."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import nullcontext
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path

from rich.console import Console
from rich.markup import escape

from bench.analysis.explanation.explanation import Cause, Explanation
from bench.machine.environment import describe_environment
from bench.plan.explain_options import ExplainOptions
from bench.plan.plan import PlanError
from bench.process.errors import ExplainedError
from bench.process.forkserver import prepare_context
from bench.records import results_folder
from bench.report.console import print_line
from bench.report.progress.sweep_observer import SweepObserver
from bench.runner.explanation.explain_session import measure_explanation
from bench.text import describe_error, format_share, printable
from bench.validation.diagnosis.machine_costs import measure_costs
from bench.validation.diagnosis.neighbour import keep_to_cores, run_neighbour
from bench.validation.diagnosis.outcome import Outcome
from bench.validation.diagnosis.plant import Plant
from bench.validation.diagnosis.plants import PLANTS
from bench.validation.diagnosis.score import Score
from bench.validation.diagnosis.score_files import write_score
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
from bench.validation.keeping import Failure, attempt, keep_results, print_missing, write_environment
from bench.validation.own_case import OWN_MODULES
from bench.workloads.choice import choose_workload

NAME = "diagnosis"
# Explains a planted training. Its arguments are the training, the number of blocks, and a folder.
ExplainPlant = Callable[[Plant, int, Path], Explanation]
MODULES = (*OWN_MODULES, OwnLoaderWithTransfer.__module__, SlowFashionMnist.__module__)
# A planted cause that costs less on this machine isn't scored: others would cost about as much.
LEAST_SHARE = 0.2


class NotExplainedError(ExplainedError):
    """A planted training that wasn't explained, in one line."""


@dataclass(frozen=True)
class DiagnosisOptions:
    """The order that measures how often planted causes are named.

    Attributes:
        plants: the trainings.
        blocks: number of blocks of each explanation.
        out: folder of the results; None for a new one below `results/`.
    """

    plants: Sequence[Plant]
    blocks: int
    out: Path | None = None

    @property
    def command(self) -> str:
        """The command line that measures the same."""
        names = [plant.name for plant in self.plants]
        only = [] if names == [plant.name for plant in PLANTS] else ["--only", ",".join(names)]
        return " ".join(["python -m bench.validate --diagnosis --blocks", str(self.blocks), *only])


def score_diagnosis(options: DiagnosisOptions, console: Console) -> int:
    """Explain planted trainings on two cores, and print and write how often their causes are named.

    A training that fails is wrong. An interrupt or an error ends the measuring. The score until then is
    printed and written all the same.

    Args:
        options: order to carry out.
        console: prints a line for each of them, the confusion matrix, and the conclusion.

    Returns:
        Exit code: 0 if enough causes are named, and none is wrong that claims to be sure; else 1.

    Raises:
        ResultsError: the folder can't take the results.
        PlanError: no cause shows here.
        ProcessError: no process can be started.
        StorageError: a file can't be written.
        KeyboardInterrupt: the user has ended it.
    """
    began_s = time.monotonic()
    environment = describe_environment("", "", options.command)
    folder = results_folder.name_folder(options.out, NAME)
    results_folder.check_folder(folder)
    with keep_to_cores():
        # The first server decides what trials find imported.
        costs = measure_costs(prepare_context(MODULES))
        console.print(
            f"Here a worker takes {costs.worker_ms:.1f} ms to start and end, {costs.import_ms:,.0f} ms more "
            f"if it isn't forked, and 1 MiB {costs.pipe_ms:.2f} ms to cross a pipe; several threads lengthen "
            f"a step of {costs.threaded_step_ms:.1f} ms by {costs.crowd_ms:.1f} ms",
            soft_wrap=True,
        )
        planted = _choose_plants([plant.calibrate(costs) for plant in options.plants], console)
        results_folder.make_folder(folder)
        outcomes: list[Outcome] = []

        def conclude(is_whole: bool) -> None:
            taken_s = time.monotonic() - began_s
            if outcomes:
                score = Score(outcomes)
                console.print()
                print_matrix(console, score)
                print_alike(console, [outcome.plant for outcome in outcomes])
                print_score(console, score, taken_s)
            print_missing(console, None if is_whole else len(outcomes), len(planted), "training")
            if outcomes:
                write_score(folder, score)
                settings = {"blocks": options.blocks, "costs": asdict(costs), "took_s": round(taken_s)}
                write_environment(folder, environment, NAME, settings)
                print_line(console, f"Results: {escape(printable(str(folder)))}")

        with keep_results(conclude):
            outcomes.extend(explain_plants(planted, options.blocks, console, explain_plant))
    return 0 if Score(outcomes).passes else 1


def _choose_plants(plants: Sequence[Plant], console: Console) -> list[Plant]:
    """Return the trainings whose planted cause shows here, and print the others.

    Threads may lose nothing, and workers may start quickly.

    Raises:
        PlanError: no cause shows here.
    """
    chosen = []
    for plant in plants:
        share = plant.true_share
        if share < LEAST_SHARE and plant.truth.cause is not Cause.BALANCED:
            console.print(
                f"{plant.name} is left out: its cause costs {format_share(share)} here", soft_wrap=True
            )
        else:
            chosen.append(plant)
    if not chosen:
        raise PlanError("none of these trainings shows its cause on this machine: name others in --only")
    return chosen


def explain_plants(
    plants: Sequence[Plant], blocks: int, console: Console, explain: ExplainPlant
) -> Iterator[Outcome]:
    """Explain planted trainings one after another, print a line for each, and yield its outcome.

    One that is wrong while other processes used the machine is explained once more.

    Args:
        plants: the trainings, with what workers and pipes cost on this machine.
        blocks: number of blocks of each explanation.
        console: prints the lines.
        explain: explains one of them.
    """
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
            yield outcome


def _find_outcome(plant: Plant, blocks: int, out: Path, explain: ExplainPlant) -> Outcome:
    found = attempt(plant.name, partial(explain, plant, blocks, out))
    return Outcome(plant, None, found.cause) if isinstance(found, Failure) else Outcome(plant, found)


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
    if conclusion.found is None or conclusion.problems:
        reasons = (conclusion.failure, *map(describe_error, conclusion.problems))
        raise NotExplainedError(next(filter(None, reasons), "nothing was measured"))
    return conclusion.found
