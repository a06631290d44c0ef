"""Measure how often tunings are right, on simulated landscapes and on loaders whose best is known."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from rich.console import Console
from rich.markup import escape

from bench.machine.environment import describe_environment
from bench.process.forkserver import prepare_context
from bench.process.temporary_folder import make_folder_prefix
from bench.records import results_folder
from bench.report.console import print_line
from bench.text import format_count, format_duration, join_few, printable
from bench.validation.comparison.block_group import STEP_OF_RUNS
from bench.validation.diagnosis.machine_costs import measure_costs
from bench.validation.diagnosis.neighbour import keep_to_cores
from bench.validation.diagnosis.truth import CORES
from bench.validation.judged_table import print_judged
from bench.validation.keeping import (
    Failure,
    attempt,
    keep_results,
    print_missing,
    write_environment,
    write_failures,
)
from bench.validation.own_case import OWN_MODULES
from bench.validation.tuning import simulate
from bench.validation.tuning.in_process_tuning import InProcessTuning, tune_planted_loader
from bench.validation.tuning.landscapes import MAKERS
from bench.validation.tuning.loader_plants import LOADER_PLANTS
from bench.validation.tuning.planted_loader import PlantedLoader
from bench.validation.tuning.plants import PLANTS
from bench.validation.tuning.rates import MOST_WRONG, Rate
from bench.validation.tuning.rates_files import SPARE, TEXTS, TITLES, make_cells, write_table, write_tunings
from bench.validation.tuning.real_tuning import RealTuning, tune_plant
from bench.validation.tuning.simulate import Simulation
from bench.validation.tuning.simulations import list_settings, rate_simulations, simulate_all

NAME = "tuning"
PLANTS_BY_NAME = {plant.name: plant for plant in PLANTS}
LOADERS_BY_NAME = {plant.name: plant for plant in LOADER_PLANTS}
ONLY = (*MAKERS, *PLANTS_BY_NAME, *LOADERS_BY_NAME)
# The A/A has as many tunings as are asked for. Each other loader, and each size of a landscape, has a
# quarter. --runs is a multiple of it.
FEWER = STEP_OF_RUNS
# About how long a simulated tuning takes on one core.
SIMULATED_S = 0.4


@dataclass(frozen=True)
class TuningsOptions:
    """The order that measures how often tunings are right.

    Attributes:
        runs: number of tunings of each line of the table, a multiple of FEWER. Planted loaders with a best
            have a quarter as many.
        only: names of landscapes and planted loaders.
        out: folder of the results; None for a new one below `results/`.
    """

    runs: int
    only: tuple[str, ...] = ONLY
    out: Path | None = None

    @property
    def command(self) -> str:
        """The command line that measures the same."""
        names = [] if self.only == ONLY else ["--only", ",".join(self.only)]
        return " ".join(["python -m bench.validate --tuning --runs", str(self.runs), *names])

    @property
    def landscapes(self) -> list[str]:
        """Names of the landscapes."""
        return [name for name in self.only if name in MAKERS]

    @property
    def plants(self) -> list[PlantedLoader]:
        """The planted loaders that are tuned in processes."""
        return [PLANTS_BY_NAME[name] for name in self.only if name in PLANTS_BY_NAME]

    @property
    def loaders(self) -> list[PlantedLoader]:
        """The planted loaders that tune_loader tunes."""
        return [LOADERS_BY_NAME[name] for name in self.only if name in LOADERS_BY_NAME]

    @property
    def simulations(self) -> int:
        """Number of simulated tunings."""
        return len(list_settings(self.landscapes)) * (self.runs // FEWER)

    def count_runs(self, plant: PlantedLoader) -> int:
        """Return the number of tunings of a planted loader."""
        return self.runs if plant.is_equal else self.runs // FEWER

    def list_runs(self) -> list[tuple[PlantedLoader, int]]:
        """Return the tunings of planted loaders in their order: the loader, and the number of its run."""
        plants = (*self.plants, *self.loaders)
        return [(plant, run) for run in range(self.runs) for plant in plants if run < self.count_runs(plant)]


def measure_tunings(options: TuningsOptions, console: Console) -> int:
    """Measure the rates, print them, and write them to a folder.

    An interrupt or an error ends the measuring. The rates until then are printed and written all the same.

    Args:
        options: order to carry out.
        console: prints a line for each tuning of processes, the table, and the conclusion.

    Returns:
        Exit code: 0 if enough tunings find the best or a tie and few claim a gain that isn't there; else 1.
        It is 1 too where a tuning failed.

    Raises:
        ResultsError: the folder can't take the results.
        ProcessError: no process can be started.
        StorageError: a file can't be written.
        KeyboardInterrupt: the user has ended it.
    """
    began_s = time.monotonic()
    environment = describe_environment("", "", options.command)
    folder = results_folder.name_folder(options.out, NAME)
    results_folder.check_folder(folder)
    _print_start(console, options)
    results_folder.make_folder(folder)
    simulated: list[Simulation] = []
    real: list[RealTuning | InProcessTuning] = []
    failures: list[Failure] = []

    def rate() -> list[Rate]:
        return [*rate_simulations(simulated), *rate_plants(real)]

    def conclude(is_whole: bool) -> None:
        rates, taken_s = rate(), time.monotonic() - began_s
        planned = options.simulations + len(options.list_runs())
        ended = None if is_whole else len(simulated) + len(real) + len(failures)
        if rates:
            lines = [(make_cells(one), one.passes) for one in rates]
            print_judged(console, TITLES, TEXTS, lines, gap=1, spare=SPARE)
        if is_whole and rates:
            _print_conclusion(console, rates, taken_s)
        print_missing(console, ended, planned, "tuning", failures)
        if rates or failures:
            write_failures(folder, failures)
            if rates:
                write_tunings(folder, simulated, real)
                write_table(folder, rates)
            settings = {"runs": options.runs, "only": options.only, "took_s": round(taken_s)}
            write_environment(folder, environment, NAME, settings)
            print_line(console, f"Results: {escape(printable(str(folder)))}")

    with keep_results(conclude), keep_to_cores():
        simulated.extend(_simulate(options, console))
        for tuned in _tune_plants(options, console):
            if isinstance(tuned, Failure):
                failures.append(tuned)
            else:
                real.append(tuned)
    return 0 if not failures and all(one.passes for one in rate()) else 1


def _print_start(console: Console, options: TuningsOptions) -> None:
    """Print what is measured, and about how long that takes."""
    real = sum(map(options.count_runs, options.plants))
    in_script = sum(map(options.count_runs, options.loaders))
    seconds = options.simulations * SIMULATED_S / CORES
    seconds += sum(plant.budget_s for plant, _ in options.list_runs())
    print_line(
        console,
        f"{options.simulations:,} simulated tunings, {real} of processes, {in_script} by tune_loader, about "
        f"{format_duration(seconds)} on two cores",
    )


def _simulate(options: TuningsOptions, console: Console) -> Iterator[Simulation]:
    if not options.landscapes:
        return
    context = prepare_context((*OWN_MODULES, simulate.__name__))
    for place, name in enumerate(options.landscapes, start=1):
        title = f"{place}/{len(options.landscapes)} {name}"
        with console.status(title, refresh_per_second=2):
            tunings = [*simulate_all(list_settings([name]), options.runs // FEWER, context)]
        right = sum(one.is_found for one in tunings)
        console.print(f"{title}: the best or a tie in {right} of {len(tunings)}", soft_wrap=True)
        yield from tunings


def _tune_plants(
    options: TuningsOptions, console: Console
) -> Iterator[RealTuning | InProcessTuning | Failure]:
    order = options.list_runs()
    worker_ms = measure_costs(prepare_context(OWN_MODULES)).worker_ms if options.plants else 0.0
    with tempfile.TemporaryDirectory(prefix=make_folder_prefix()) as made:
        for place, (plant, run) in enumerate(order, start=1):
            title = f"{place:>{len(str(len(order)))}}/{len(order)} {plant.name}"
            tune = partial(_tune_plant, plant, run, Path(made), worker_ms, title, console)
            tuned = attempt(f"{plant.name} {run}", tune)
            told = f"failed: {tuned.cause}" if isinstance(tuned, Failure) else _describe(tuned)
            console.print(f"{title}: {escape(told)}", soft_wrap=True)
            yield tuned


def _tune_plant(
    plant: PlantedLoader, run: int, folder: Path, worker_ms: float, title: str, console: Console
) -> RealTuning | InProcessTuning:
    if plant.name in LOADERS_BY_NAME:
        # In this process, where no other thread should run.
        return tune_planted_loader(plant, run)
    # Rarely refreshed: each refresh takes milliseconds from what is measured.
    with console.status(title, refresh_per_second=2):
        return tune_plant(plant, run, folder / f"{plant.name}-{run}", worker_ms)


def _describe(tuned: RealTuning | InProcessTuning) -> str:
    """Return what one tuning says, in one line."""
    gain = ""
    if tuned.gain is not None and tuned.gain_low is not None and tuned.gain_high is not None:
        interval = f"{tuned.gain_low:.2f} to {tuned.gain_high:.2f}"
        gain = f" {tuned.gain:.2f} ({interval}; planned {tuned.true_gain:.2f})"
    if isinstance(tuned, InProcessTuning):
        taken = f"{format_count(tuned.tried, 'setting')}, {tuned.seconds:.1f} s"
    else:
        taken = f"{tuned.trials} trials, {tuned.seconds:.0f} s"
    return f"{tuned.verdict}{gain}, {tuned.chosen or 'as given'}, regret {tuned.regret:.1%}, {taken}"


def rate_plants(found: Sequence[RealTuning | InProcessTuning]) -> list[Rate]:
    """Return the rates of each planted loader."""
    names = dict.fromkeys(one.plant for one in found)
    return [Rate(name, "own", [one for one in found if one.plant == name]) for name in names]


def _print_conclusion(console: Console, rates: Sequence[Rate], taken_s: float) -> None:
    """Print whether the tunings are right often enough."""
    taken = format_duration(taken_s)
    if wrong := [rate for rate in rates if not rate.passes]:
        names = join_few(f"{rate.name} with noise {rate.noise}" for rate in wrong)
        print_line(console, f"[bold red]Not right often enough: {names}[/] ({taken})")
        return
    print_line(
        console,
        f"[bold green]The best or a tie is found in {1 - MOST_WRONG:.0%}, and at most {MOST_WRONG:.0%} claim "
        f"a gain that isn't there[/] ({taken})",
    )
