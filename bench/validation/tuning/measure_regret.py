"""Measure how far tunings with different seeds stay behind the best of the whole grid."""

from __future__ import annotations

import shlex
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.markup import escape

from bench.machine.environment import describe_environment
from bench.plan.tune_options import TuneOptions
from bench.process.running_clock import read_running_s
from bench.records import results_folder
from bench.report.console import print_line
from bench.report.progress.sweep_observer import SweepObserver
from bench.text import format_count, format_duration, printable
from bench.validation.judged_table import print_judged
from bench.validation.tuning.real_tuning import run_tuning
from bench.validation.tuning.regret_files import TEXTS, TITLES, RegretTable, write_regrets
from bench.validation.tuning.seed_tuning import (
    FINAL_BLOCKS,
    SeedTuning,
    choose_finalists,
    describe_seed,
)
from bench.validation.tuning.whole_grid import WholeGrid, prepare_grid

NAME = "regret"
# Folders of the whole grid and of its finalists, beside those of the tunings.
GRID, FINALS = "whole-grid", "finals"
# Files that `python -m bench.plot` makes again from the others.
DRAWN = (".png", ".svg", ".html")
# Returns the order of a tuning with a seed, whose results go to a folder.
MakeTuning = Callable[[int, Path], TuneOptions]


@dataclass(frozen=True)
class RegretOptions:
    """The order that measures regrets.

    Attributes:
        make_tuning: makes the order of a tuning.
        words: options of the tuning on the command line.
        seeds: number of tunings, with seeds from 0.
        blocks: number of blocks of the whole grid.
        out: folder of the results; None for a new one below `results/`.
    """

    make_tuning: MakeTuning
    words: tuple[str, ...]
    seeds: int
    blocks: int
    out: Path | None = None

    @property
    def command(self) -> str:
        """The command line that measures the same."""
        words = ["--seeds", str(self.seeds), "--blocks", str(self.blocks), "--", *self.words]
        return f"python -m bench.validate --regret {shlex.join(words)}"

    def list_steps(self) -> list[int | None]:
        """Return the order of the measuring, in which blocks of the grid lie evenly between the tunings.

        Returns:
            The seed of a tuning, or None for a block.
        """
        tunings = [((seed + 0.5) / self.seeds, False, seed) for seed in range(self.seeds)]
        blocks = [((block + 0.5) / self.blocks, True, None) for block in range(self.blocks)]
        return [seed for _, _, seed in sorted([*tunings, *blocks], key=lambda step: step[:2])]


@dataclass
class _Measuring:
    """Tunings and blocks of the grid that were measured so far.

    Attributes:
        options: the order.
        folder: folder of the results.
        grid: the whole grid.
        tunings: the tunings that have ended.
        finals: the finalists; None before they are chosen.
        finalists: their numbers in the whole grid.
    """

    options: RegretOptions
    folder: Path
    grid: WholeGrid
    tunings: list[SeedTuning] = field(default_factory=list)
    finals: WholeGrid | None = None
    finalists: list[int] = field(default_factory=list)

    def take(self, seed: int | None) -> str:
        """Run a tuning or a block of the grid, write the files, and say in one line what it found."""
        if seed is None:
            began_s = self.grid.seconds
            self.grid.measure()
            taken = format_duration(self.grid.seconds - began_s)
            found = f"{format_count(len(self.grid.names), 'setting')}, {taken}"
        else:
            one = self._tune(seed)
            self.tunings.append(one)
            gain = "" if one.gain is None else f" {one.gain:.2f}"
            found = (
                f"{one.verdict}{gain}, {one.chosen}, {format_count(one.trials, 'trial')}, {one.seconds:.0f} s"
            )
        write_regrets(self.folder, self.make_table())
        return found

    def take_finals(self) -> str:
        """Compare the fastest of the grid with what was chosen, and say in one line what was measured."""
        self.finalists = choose_finalists(self.tunings, self.grid.read_speeds())
        self.finals = self.grid.choose(self.finalists, self.folder / FINALS)
        self.finals.measure(FINAL_BLOCKS)
        write_regrets(self.folder, self.make_table())
        settings, blocks = format_count(len(self.finalists), "setting"), format_count(FINAL_BLOCKS, "block")
        return f"{settings}, {blocks}, {format_duration(self.finals.seconds)}"

    def make_table(self) -> RegretTable:
        """Return the tunings beside what is known of the grid."""
        grid, finals = self.grid, {} if self.finals is None else self.finals.read_speeds()
        return RegretTable(
            tunings=tuple(self.tunings),
            speeds=grid.read_speeds(),
            names=grid.names,
            blocks=grid.blocks,
            planned=self.options.blocks,
            blocks_s=grid.seconds,
            finals={self.finalists[place]: speeds for place, speeds in finals.items()},
        )

    def _tune(self, seed: int) -> SeedTuning:
        folder = self.folder / f"seed-{seed}"
        began_s = read_running_s()
        tuning = run_tuning(self.options.make_tuning(seed, folder), folder.name)
        seconds = read_running_s() - began_s
        for path in folder.rglob("*"):
            if path.suffix in DRAWN:
                path.unlink()
        return describe_seed(seed, tuning, seconds, self.grid.find_number)


def measure_regret(options: RegretOptions, console: Console) -> int:
    """Run the tunings and the whole grid in turns, print the regrets, and write them to a folder.

    Files are written after each step, so that nothing is lost where it ends early.

    Args:
        options: order to carry out.
        console: prints a line for each tuning and each block, the table, and the conclusion.

    Returns:
        Exit code: 0 if nine of ten tunings are quick and choose a setting close to the best; else 1.

    Raises:
        ResultsError: the folder can't take the results.
        NotTunedError: the loader can't be tuned.
        PlanError: the request names what doesn't exist, or there is nothing to choose from.
        TargetError: the target can't be measured.
        DataError: the data can't be had.
        ProcessError: no process can be started.
        StorageError: a file can't be written.
        KeyboardInterrupt: the user has ended it. The table of what was measured is printed before.
    """
    began_s = time.monotonic()
    folder = results_folder.name_folder(options.out, NAME)
    results_folder.check_folder(folder)
    first, observer = options.make_tuning(0, folder / GRID), SweepObserver()
    with console.status("first look", refresh_per_second=2):
        grid = prepare_grid(first, observer)
    for notice in observer.notices:
        print_line(console, escape(notice))
    _print_start(console, options, grid, first.order.budget_s)
    results_folder.make_folder(folder)
    environment = _describe_environment(options, grid)
    results_folder.write_json(folder / results_folder.ENVIRONMENT, environment)
    measuring, steps = _Measuring(options, folder, grid), options.list_steps()
    try:
        for place, seed in enumerate(steps, start=1):
            what = "whole grid" if seed is None else f"seed {seed}"
            title = f"{place:>{len(str(len(steps)))}}/{len(steps)} {what}"
            # Rarely refreshed: each refresh takes milliseconds from what is measured.
            with console.status(title, refresh_per_second=2):
                found = measuring.take(seed)
            console.print(f"{title}: {escape(found)}", soft_wrap=True)
        with console.status(FINALS, refresh_per_second=2):
            found = measuring.take_finals()
        console.print(f"{FINALS}: {escape(found)}", soft_wrap=True)
    finally:
        table = measuring.make_table()
        write_regrets(folder, table)
        taken = {"grid_s": round(grid.seconds, 1), "took_s": round(time.monotonic() - began_s)}
        environment[NAME].update(taken)
        results_folder.write_json(folder / results_folder.ENVIRONMENT, environment)
        print_regrets(console, table)
        print_line(console, f"Results: {escape(printable(str(folder)))}")
    return 0 if table.passes else 1


def _describe_environment(options: RegretOptions, grid: WholeGrid) -> dict[str, Any]:
    """Describe the facts of machine, data and order, for environment.json."""
    workload = grid.choice.workload
    settings = {"seeds": options.seeds, "blocks": options.blocks, "configurations": len(grid.names)}
    return {**describe_environment(workload.name, workload.digest, options.command), NAME: settings}


def _print_start(console: Console, options: RegretOptions, grid: WholeGrid, budget_s: float | None) -> None:
    """Print what is measured, and about how long that takes."""
    seconds = options.seeds * (budget_s or 0.0) + options.blocks * grid.block_s
    tunings, settings = format_count(options.seeds, "tuning"), format_count(len(grid.names), "setting")
    print_line(
        console,
        f"{tunings} of {settings}, and {format_count(options.blocks, 'block')} of the whole grid between "
        f"them, about {format_duration(seconds)}",
    )


def print_regrets(console: Console, regrets: RegretTable) -> None:
    """Print the table of the regrets, and the sentences that explain it.

    Args:
        console: console to print to.
        regrets: the tunings and the whole grid.
    """
    if not regrets.tunings:
        return
    right = (one.is_right for one in regrets.judged)
    print_judged(console, TITLES, TEXTS, zip(regrets.make_lines(), right, strict=True))
    *explained, conclusion = regrets.describe()
    for line in explained:
        print_line(console, escape(line))
    colour = "bold green" if regrets.passes else "bold red"
    print_line(console, f"[{colour}]{escape(conclusion)}[/]")
