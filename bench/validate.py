"""Measures loaders whose costs are known, as a sweep would, and says how far each reading is from the truth.

`python -m bench.validate` leaves with exit code 0 where every reading is right and every cheat is caught.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import click
import torch
from rich.console import Console
from rich.markup import escape

from bench.cli.command_line import list_of, run_command
from bench.process.forkserver import prepare_context
from bench.report.console import make_console
from bench.runner.trial_process import TrialRunner
from bench.text import format_duration
from bench.validation import fixed_cost_kernels
from bench.validation.cases import CASES, ValidationCase
from bench.validation.judging import CaseResult, judge_case
from bench.validation.tables import mark_result, print_cheats, print_readings

TIMEOUT_S = 60.0
BY_NAME = {truth.name: truth for truth in CASES}


def validate(checked: Sequence[ValidationCase], console: Console) -> int:
    """Measure each truth, print what came of it, and return the exit code: 0 where all is right, else 1."""
    started = time.monotonic()
    verdicts = []
    with tempfile.TemporaryDirectory() as folder:
        context = prepare_context({fixed_cost_kernels.__name__})
        runner = TrialRunner(context, TIMEOUT_S, Path(folder) / "log")
        for place, truth in enumerate(checked, start=1):
            doing = f"{place:>{len(str(len(checked)))}}/{len(checked)} {truth.name}"
            # Each refresh takes milliseconds from what is being measured.
            with console.status(doing, refresh_per_second=2):
                verdict = _measure_case(truth, runner)
            console.print(f"{doing}: {mark_result(verdict)}")
            verdicts.append(verdict)
    console.print()
    print_readings(console, [verdict for verdict in verdicts if verdict.readings])
    print_cheats(console, [verdict for verdict in verdicts if verdict.truth.names])
    for verdict in verdicts:
        if verdict.again:
            still = f", and again: {verdict.disturbed}" if verdict.disturbed else ""
            console.print(f"{verdict.truth.name} was disturbed and measured once more{escape(still)}")
        if verdict.problem and not verdict.truth.names:
            console.print(f"[bold red]{verdict.truth.name}: {escape(verdict.problem)}[/]", soft_wrap=True)
    taken = format_duration(time.monotonic() - started)
    wrong = [verdict.truth.name for verdict in verdicts if not verdict.right]
    if any(verdict.disturbed for verdict in verdicts if not verdict.right):
        console.print("Others used the machine meanwhile: run this again when it is quiet.")
    if wrong:
        console.print(f"[bold red]{len(wrong)} of {len(verdicts)} wrong[/] ({taken}): {', '.join(wrong)}")
    else:
        console.print(f"[bold green]All {len(verdicts)} right[/] ({taken})")
    return 1 if wrong else 0


def _measure_case(truth: ValidationCase, runner: TrialRunner) -> CaseResult:
    """Measure a truth; once more where it is wrong and something disturbed it from outside."""
    first = judge_case(truth, list(runner.run(truth.trial())))
    if first.right or not first.disturbed:
        return first
    return replace(judge_case(truth, list(runner.run(truth.trial()))), again=True)


def _name(text: str) -> str:
    if text not in BY_NAME:
        raise ValueError(text)
    return text


@click.command(help="Measure loaders of known costs, and some that cheat; exit 1 where one is misjudged.")
@click.option(
    "--only",
    metavar="NAME,…",
    callback=list_of(_name, f"one of {', '.join(BY_NAME)}"),
    help="measure these alone",
)
def command(only: tuple[str, ...] | None) -> int:
    """The command line of this module."""
    console, here = make_console(), [*BY_NAME]
    if not torch.cuda.is_available():
        here = [name for name in BY_NAME if BY_NAME[name].device == "cpu"]
        for name in only or ():
            if name not in here:
                raise click.UsageError(f"--only: {name} needs a CUDA device, and there is none here")
    if len(here) < len(BY_NAME) and not only:
        console.print(f"{len(BY_NAME) - len(here)} that need a CUDA device are left out: there is none here")
    return validate([BY_NAME[name] for name in only or here], console)


def main() -> None:
    """Entry point of `python -m bench.validate`."""
    run_command(command, user_errors=())


if __name__ == "__main__":
    main()
