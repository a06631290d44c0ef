"""The last lines of a sweep: what is missing, and where the results lie."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console
from rich.markup import escape

from bench.report.console import print_line
from bench.report.page.page import REPORT
from bench.report.sweep.missing import Rest, write_resume_command
from bench.report.sweep.outcome import SweepOutcome
from bench.text import format_count, join_few, printable


def print_unmeasured(console: Console, names: Sequence[str]) -> None:
    """Print which configurations the budget had no time for.

    Args:
        console: console to print to.
        names: names of the configurations.
    """
    if names:
        count, listed = format_count(len(names), "configuration"), escape(join_few(names))
        print_line(console, f"[yellow]The budget had no time for[/] {count}: {listed}")


def list_next(program: str, *, on_cuda: bool) -> list[str]:
    """Return lines that say what to run after a quick sweep.

    Args:
        program: command of the sweep.
        on_cuda: whether it ran on a GPU.
    """
    tune = f"{program.removesuffix('sweep')}tune"
    lines = [f"Next, the fastest setting of your own loader: {tune} train.py"]
    if on_cuda:
        knobs = "--family tensor_slice,device_resident --batch-size 256,1024,4096 --cuda-graph off,on"
        lines.append(f"Larger batches on this GPU: {program} {knobs}")
    return lines


def describe_next_explanation(folder: Path, program: str) -> str:
    """Return the line that says how to find out what else would make a training faster.

    Args:
        folder: results folder of the sweep, whose baseline is explained.
        program: command of the sweep.
    """
    explain = f"{program.removesuffix('sweep')}explain"
    return f"Next, why it is slow and what would help: {explain} {shlex.quote(printable(str(folder)))}"


def print_end(
    console: Console,
    folder: Path,
    outcome: SweepOutcome,
    rest: Rest | None = None,
    following: Sequence[str] = (),
) -> None:
    """Print what was not measured, how to go on, and where the results lie.

    Args:
        console: console to print to.
        folder: folder of the results.
        outcome: end of the measuring.
        rest: how to measure what is missing; default None, where nothing is.
        following: lines that say what to run next; default none.
    """
    where = printable(str(folder))
    if outcome.left_out:
        trials = format_count(outcome.left_out, "trial")
        of = ", of configurations that have others" if outcome.unmeasured else ""
        print_line(console, f"[yellow]The budget left out[/] {trials}{of}")
    if outcome.interrupted:
        print_line(console, "[bold yellow]Interrupted[/]: what was measured until then is kept.")
    if rest is not None:
        print_line(console, f"{rest.lead}: {escape(rest.command)}")
    for line in following:
        print_line(console, escape(line))
    print_line(console, f"Results: {escape(where)}")
    if (page := folder / REPORT).is_file():
        print_line(console, f"Report: {escape(printable(str(page)))}")


def describe_stop(folder: Path, program: str) -> str:
    """Return the line that says how to go on with a sweep that was stopped.

    Args:
        folder: folder of the results.
        program: command that goes on with a sweep.
    """
    return f"not everything was measured: {write_resume_command(folder, program)} measures the rest"
