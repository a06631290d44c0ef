"""Measure loaders with planned costs, and loaders that cheat, as a sweep would.

`python -m bench.validate` exits with 0 if every reading agrees with its plan and every cheat is caught.
"""

from __future__ import annotations

import time
from collections.abc import Sequence

import click
import torch
from rich.console import Console

from bench.cli.command_line import run_command
from bench.cli.option_readers import make_list_reader
from bench.process.errors import ProcessError
from bench.report.console import make_console
from bench.validation.cases import CASES
from bench.validation.measuring import measure_cases
from bench.validation.tables import print_cheats, print_conclusion, print_problems, print_readings
from bench.validation.validation_case import ValidationCase

BY_NAME = {case.name: case for case in CASES}


def validate(cases: Sequence[ValidationCase], console: Console) -> int:
    """Measure the cases, print the results, and return the exit code: 0 if all are right, else 1."""
    began_s = time.monotonic()
    results = measure_cases(cases, console)
    console.print()
    print_readings(console, results)
    print_cheats(console, results)
    print_problems(console, results)
    print_conclusion(console, results, time.monotonic() - began_s)
    return 0 if all(result.right for result in results) else 1


def _read_name(text: str) -> str:
    if text not in BY_NAME:
        raise ValueError(text)
    return text


@click.command(help="Measure loaders with planned costs, and loaders that cheat; exit 1 if one is misjudged.")
@click.option(
    "--only",
    metavar="LIST",
    callback=make_list_reader(_read_name, f"one of {', '.join(BY_NAME)}"),
    help="measure only these cases",
)
def command(only: tuple[str, ...] | None) -> int:
    """Run the command line of this module."""
    console = make_console()
    return validate(_choose_cases(only, console), console)


def _choose_cases(only: tuple[str, ...] | None, console: Console) -> list[ValidationCase]:
    """Return the cases that were asked for, or all that this machine can measure."""
    if torch.cuda.is_available():
        return [BY_NAME[name] for name in only or BY_NAME]
    for name in only or ():
        if BY_NAME[name].device == "cuda":
            raise click.UsageError(f"--only: {name} needs a CUDA device, and there is none here")
    cases = [BY_NAME[name] for name in only or BY_NAME if BY_NAME[name].device == "cpu"]
    if not only:
        console.print(f"{len(BY_NAME) - len(cases)} that need a CUDA device are left out: there is none here")
    return cases


def main(arguments: Sequence[str] | None = None, program: str | None = None) -> None:
    """Run `python -m bench.validate`.

    Args:
        arguments: arguments of the command; None for those of this process.
        program: name of the command; None for the one that was typed.
    """
    run_command(command, user_errors=(ProcessError,), arguments=arguments, program=program)


if __name__ == "__main__":
    main()
