"""Measure how far tunings with different seeds stay behind the best of the whole grid."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.markup import escape

from bench.machine.environment import describe_environment
from bench.records import results_folder
from bench.records.errors import ResultsError
from bench.report.console import print_line
from bench.report.progress.sweep_observer import SweepObserver
from bench.runner.resume import check_data, find_differences
from bench.text import format_count, format_duration, printable
from bench.validation.judged_table import print_judged
from bench.validation.keeping import keep_results
from bench.validation.tuning.regret_files import TEXTS, TITLES, RegretTable
from bench.validation.tuning.regret_measuring import FINALS, GRID, NAME, RegretMeasuring
from bench.validation.tuning.regret_options import RegretOptions
from bench.validation.tuning.whole_grid import WholeGrid, prepare_grid


def measure_regret(options: RegretOptions, console: Console) -> int:
    """Run the tunings and the whole grid in turns, print the regrets, and write them to a folder.

    Files are written after each step, so that nothing is lost where it ends early. A tuning that fails is a
    row with its cause, and counts as wrong.

    Args:
        options: order to carry out.
        console: prints a line for each tuning and each block, the table, and the conclusion.

    Returns:
        Exit code: 0 if nine of ten tunings are quick and choose a setting close to the best; else 1.

    Raises:
        ResultsError: the folder can't take the results, or the measuring can't go on there.
        NotTunedError: the loader can't be tuned.
        PlanError: the request names what doesn't exist, or there is nothing to choose from.
        TargetError: the target can't be measured.
        DataError: the data can't be had.
        ProcessError: no process can be started.
        StorageError: a file can't be written.
        KeyboardInterrupt: the user has ended it. The table of what was measured is printed before.
    """
    folder = results_folder.name_folder(options.out, NAME)
    if not options.is_resumed:
        results_folder.check_folder(folder)
    first, observer = options.make_tuning(0, folder / GRID), SweepObserver()
    with console.status("first look", refresh_per_second=2):
        grid = prepare_grid(first, observer)
    for notice in observer.notices:
        print_line(console, escape(notice))
    facts = _describe_environment(options, grid)
    if options.is_resumed:
        facts = _restore_facts(folder, facts)
    else:
        results_folder.make_folder(folder)
    with results_folder.lock_folder(folder):
        results_folder.write_json(folder / results_folder.ENVIRONMENT, facts)
        measuring = RegretMeasuring(options, folder, grid, facts)
        if options.is_resumed:
            measuring.restore()
        steps = measuring.list_steps()
        _print_start(console, steps, grid, first.order.budget_s)
        with keep_results(lambda is_whole: _conclude(measuring, console, is_whole=is_whole)):
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
    return 0 if measuring.make_table().passes else 1


def _conclude(measuring: RegretMeasuring, console: Console, *, is_whole: bool) -> None:
    """Print and write what was measured, with the command that measures the rest."""
    table, options = measuring.make_table(), measuring.options
    print_regrets(console, table)
    folder = printable(str(measuring.folder))
    if not is_whole:
        tunings = f"{len(table.tunings):,} of {format_count(options.seeds, 'tuning')}"
        blocks = f"{table.blocks} of {format_count(table.planned, 'block')} of the whole grid"
        print_line(console, f"Ended early: {tunings} and {blocks} measured, and not all final blocks")
    if not is_whole or table.failed:
        rest = f"python -m bench.validate --regret --resume {shlex.quote(folder)}"
        print_line(console, f"Measure the rest: {escape(rest)}")
    measuring.write()
    print_line(console, f"Results: {escape(folder)}")


def _describe_environment(options: RegretOptions, grid: WholeGrid) -> dict[str, Any]:
    """Describe the facts of machine, data and order, for environment.json."""
    workload = grid.choice.workload
    settings = {
        "seeds": options.seeds,
        "blocks": options.blocks,
        "words": list(options.words),
        "configurations": len(grid.names),
    }
    return {**describe_environment(workload.name, workload.digest, options.command), NAME: settings}


def _restore_facts(folder: Path, now: dict[str, Any]) -> dict[str, Any]:
    """Return the environment in which the measuring began, which must be that of now.

    Raises:
        ResultsError: the data, the machine or the versions are others.
    """
    then = results_folder.read_environment(folder)
    check_data(then, now["dataset"]["sha256"])
    # A commit made meanwhile marks the rows of the grid.
    differences = find_differences({**then, "commit": now["commit"]}, now)
    if differences:
        raise ResultsError(
            f"{folder} was measured with {'; '.join(differences)}: the results may not be comparable; start "
            "a new one"
        )
    return then


def _print_start(console: Console, steps: list[int | None], grid: WholeGrid, budget_s: float | None) -> None:
    """Print what is measured, and about how long that takes."""
    blocks = steps.count(None)
    number = len(steps) - blocks
    seconds = number * (budget_s or 0.0) + blocks * grid.block_s
    tunings, settings = format_count(number, "tuning"), format_count(len(grid.names), "setting")
    print_line(
        console,
        f"{tunings} of {settings}, and {format_count(blocks, 'block')} of the whole grid between "
        f"them, about {format_duration(seconds)}",
    )


def print_regrets(console: Console, regrets: RegretTable) -> None:
    """Print the table of the regrets, and the sentences that explain it.

    Args:
        console: console to print to.
        regrets: the tunings and the whole grid.
    """
    if regrets.tunings:
        right = (one.is_right for one in regrets.judged)
        print_judged(console, TITLES, TEXTS, zip(regrets.make_lines(), right, strict=True))
    elif not regrets.failed:
        return
    *explained, conclusion = regrets.describe()
    for line in explained:
        print_line(console, escape(line))
    colour = "bold green" if regrets.passes else "bold red"
    print_line(console, f"[{colour}]{escape(conclusion)}[/]")
