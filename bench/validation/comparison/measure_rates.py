"""Measure how often comparisons are right, on two cores and on loaders whose difference is known."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.markup import escape

from bench.process.temporary_folder import make_folder_prefix
from bench.records import results_folder
from bench.report.console import print_line
from bench.text import format_duration, join_few, printable
from bench.validation.comparison.block_group import PLANTED, BlockGroup, make_groups
from bench.validation.comparison.compared_groups import ComparedGroups
from bench.validation.comparison.findings import Finding
from bench.validation.comparison.measuring import TRIAL_S, prepare_measuring
from bench.validation.comparison.rates import FOUND_FROM, LEAST_FOUND, MOST_FALSE, Rate, count_rates
from bench.validation.comparison.rates_files import (
    TEXTS,
    TITLES,
    make_cells,
    write_findings,
    write_rates,
    write_trials,
)
from bench.validation.diagnosis.neighbour import keep_to_cores
from bench.validation.judged_table import print_judged
from bench.validation.keeping import Failure, keep_results, print_missing, write_environment, write_failures

NAME = "comparison"


@dataclass(frozen=True)
class RatesOptions:
    """The order that measures how often comparisons are right.

    Attributes:
        runs: number of comparisons of the same code, of each design. A quarter as many have each planted
            slow-down.
        blocks: number of blocks of each comparison.
        out: folder of the results; None for a new one below `results/`.
    """

    runs: int
    blocks: int
    out: Path | None = None

    @property
    def command(self) -> str:
        """The command line that measures the same."""
        return f"python -m bench.validate --comparison --runs {self.runs} --blocks {self.blocks}"


def measure_rates(options: RatesOptions, console: Console) -> int:
    """Measure the rates, print them, and write them to a folder.

    An interrupt or an error ends the measuring. The rates until then are printed and written all the same.

    Args:
        options: order to carry out.
        console: prints a line for each group of blocks, the table, and the conclusion.

    Returns:
        Exit code: 0 if few comparisons of the same code claim a difference and enough slow-downs are found;
        else 1.
        It is 1 too where a comparison failed.

    Raises:
        ResultsError: the folder can't take the results.
        ProcessError: no process can be started.
        TargetError: a loader can't be measured.
        StorageError: a file can't be written.
        KeyboardInterrupt: the user has ended it.
    """
    began_s = time.monotonic()
    folder = results_folder.name_folder(options.out, NAME)
    results_folder.check_folder(folder)
    groups = make_groups(options.runs)
    _print_start(console, groups, options.blocks)
    with keep_to_cores(), tempfile.TemporaryDirectory(prefix=make_folder_prefix()) as made:
        root = Path(made)
        measuring = prepare_measuring(groups, options.blocks, root, options.command)
        results_folder.make_folder(folder)
        compared = ComparedGroups(groups, root)

        def conclude(is_whole: bool) -> None:
            taken_s = time.monotonic() - began_s
            _print_rates(compared, taken_s, console, is_whole=is_whole)
            if compared.measured or compared.failures:
                _write(compared, folder, measuring.environment, options, taken_s)
                print_line(console, f"Results: {escape(printable(str(folder)))}")

        with keep_results(conclude):
            for place, group in enumerate(groups, start=1):
                title = f"{place:>{len(str(len(groups)))}}/{len(groups)} {group.loader}"
                # Rarely refreshed: each refresh takes milliseconds from what is measured.
                with console.status(title, refresh_per_second=2):
                    found = compared.take(group, measuring)
                told = f"failed: {found.cause}" if isinstance(found, Failure) else _describe(found)
                console.print(f"{title}: {escape(told)}", soft_wrap=True)
    return 0 if compared.is_right else 1


def _print_rates(compared: ComparedGroups, taken_s: float, console: Console, *, is_whole: bool) -> None:
    """Print the rates of the groups that were measured, and what is missing."""
    compared.compare_folders()
    rates = count_rates(compared.findings)
    if rates:
        print_judged(console, TITLES, TEXTS, [(make_cells(rate), rate.passes) for rate in rates])
        if is_whole:
            _print_conclusion(console, rates, taken_s)
    ended = None if is_whole else len(compared.measured) + len(compared.failures)
    failures = [*compared.failures, *compared.uncompared]
    print_missing(console, ended, len(compared.groups), "comparison", failures)


def _write(
    compared: ComparedGroups,
    folder: Path,
    environment: Mapping[str, Any],
    options: RatesOptions,
    taken_s: float,
) -> None:
    """Write what was measured."""
    write_failures(folder, [*compared.failures, *compared.uncompared])
    if compared.findings:
        write_trials(folder, compared.measured, compared.root)
        write_findings(folder, compared.findings)
        write_rates(folder, count_rates(compared.findings))
    settings = {
        "runs": options.runs,
        "blocks": options.blocks,
        "measured": len(compared.measured),
        "took_s": round(taken_s),
    }
    write_environment(folder, environment, NAME, settings)


def _print_start(console: Console, groups: Sequence[BlockGroup], blocks: int) -> None:
    """Print what is measured, and about how long that takes."""
    trials = blocks * sum(len(group.versions) for group in groups)
    slowdowns = " and ".join(f"{planted:.0%}" for planted in PLANTED)
    slower = sum(len(group.versions) > 2 for group in groups)
    print_line(
        console,
        f"{len(groups)} comparisons of the same code, {slower} of each slow-down of {slowdowns}, "
        f"{blocks} blocks each: {trials:,} trials, about {format_duration(trials * TRIAL_S)} on two cores",
    )


def _describe(findings: Sequence[Finding]) -> str:
    """Return what the comparisons of one group say, in one line."""
    texts = []
    for one in findings:
        planted = f"{one.planted:.0%} slower" if one.planted else "same code"
        ratio = "" if one.ratio is None else f" {one.ratio:.3f}"
        interval = "" if one.low is None or one.high is None else f" ({one.low:.3f} to {one.high:.3f})"
        texts.append(f"{planted}: {one.judgement}{ratio}{interval}")
    return "; ".join(texts)


def _print_conclusion(console: Console, rates: Sequence[Rate], taken_s: float) -> None:
    """Print whether the comparisons are right often enough."""
    taken = format_duration(taken_s)
    if wrong := [rate for rate in rates if not rate.passes]:
        names = join_few(f"{rate.design} with {make_cells(rate)[1]} planted" for rate in wrong)
        print_line(console, f"[bold red]Not right often enough: {names}[/] ({taken})")
        return
    print_line(
        console,
        f"[bold green]At most {MOST_FALSE:.0%} false alarms, and at least {LEAST_FOUND:.0%} of the "
        f"slow-downs of {FOUND_FROM:.0%} found[/] ({taken})",
    )
