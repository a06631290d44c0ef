"""Measure how often comparisons are right, on two cores and on loaders whose difference is known."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.markup import escape

from bench.process.temporary_folder import make_folder_prefix
from bench.records import results_folder
from bench.report.console import print_line
from bench.report.progress.sweep_observer import SweepObserver
from bench.text import format_duration, join_few, printable
from bench.validation.comparison.block_group import PLANTED, BlockGroup, find_partner, make_groups
from bench.validation.comparison.findings import Finding, compare_group
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

    Args:
        options: order to carry out.
        console: prints a line for each group of blocks, the table, and the conclusion.

    Returns:
        Exit code: 0 if few comparisons of the same code claim a difference and enough slow-downs are found;
        else 1.

    Raises:
        ResultsError: the folder can't take the results.
        ComparisonError: a comparison says nothing.
        ProcessError: no process can be started.
        TargetError: a loader can't be measured.
        StorageError: a file can't be written.
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
        findings: list[Finding] = []
        for place, group in enumerate(groups, start=1):
            title = f"{place:>{len(str(len(groups)))}}/{len(groups)} {group.loader}"
            # Rarely refreshed: each refresh takes milliseconds from what is measured.
            with console.status(title, refresh_per_second=2):
                measuring.measure(group, SweepObserver())
            found = [*compare_group(group, root)]
            findings += found
            console.print(f"{title}: {escape(_describe(found))}", soft_wrap=True)
        for group in groups:
            findings += compare_group(group, root, find_partner(groups, group))
        write_trials(folder, groups, root)
    rates = count_rates(findings)
    write_findings(folder, findings)
    write_rates(folder, rates)
    settings = {"runs": options.runs, "blocks": options.blocks, "took_s": round(time.monotonic() - began_s)}
    results_folder.write_json(
        folder / results_folder.ENVIRONMENT, {**measuring.environment, "comparison": settings}
    )
    print_judged(console, TITLES, TEXTS, [(make_cells(rate), rate.passes) for rate in rates])
    _print_conclusion(console, rates, time.monotonic() - began_s)
    print_line(console, f"Results: {escape(printable(str(folder)))}")
    return 0 if all(rate.passes for rate in rates) else 1


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
