"""Measure loaders with planned costs and loaders that cheat, or explain trainings with planted causes.

`python -m bench.validate` exits with 0 if every reading agrees with its plan and every cheat is caught.
`python -m bench.validate --diagnosis` exits with 0 if enough of the planted causes are named.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence

import click
import torch
from rich.console import Console

from bench.cli.command_line import run_command
from bench.cli.option_readers import make_list_reader, make_reader
from bench.process.errors import ProcessError
from bench.report.console import make_console
from bench.validation.cases import CASES
from bench.validation.diagnosis.plants import PLANTS
from bench.validation.diagnosis.scoring import score_diagnosis
from bench.validation.measuring import measure_cases
from bench.validation.tables import print_cheats, print_conclusion, print_problems, print_readings
from bench.validation.validation_case import ValidationCase
from loaders.spec.knobs import Integer

BY_NAME = {case.name: case for case in CASES}
PLANTS_BY_NAME = {plant.name: plant for plant in PLANTS}
# Fewer give no interval.
DIAGNOSIS_BLOCKS = 3
HELP = (
    "Measure loaders with planned costs, and loaders that cheat; exit 1 if one is misjudged. "
    "With --diagnosis, explain trainings with planted causes, and print how often their causes are named."
)


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


def _read_names(context: click.Context, option: click.Parameter, text: str | None) -> tuple[str, ...] | None:
    """Return the names of cases, or with --diagnosis those of planted trainings."""
    names: Iterable[str] = PLANTS_BY_NAME if context.params["diagnosis"] else BY_NAME

    def read_name(name: str) -> str:
        if name not in names:
            raise ValueError(name)
        return name

    return make_list_reader(read_name, f"one of {', '.join(names)}")(context, option, text)


@click.command(help=HELP)
@click.option(
    "--diagnosis",
    is_flag=True,
    # What --only may name depends on it.
    is_eager=True,
    help="explain trainings with planted causes, some 20 minutes",
)
@click.option("--only", metavar="LIST", callback=_read_names, help="measure only these cases")
@click.option(
    "--blocks",
    metavar="N",
    callback=make_reader(Integer(1, 100)),
    help=f"with --diagnosis: blocks of each explanation; default {DIAGNOSIS_BLOCKS}",
)
def command(diagnosis: bool, only: tuple[str, ...] | None, blocks: int | None) -> int:
    """Run the command line of this module."""
    console = make_console()
    if diagnosis:
        plants = [PLANTS_BY_NAME[name] for name in only or PLANTS_BY_NAME]
        return score_diagnosis(plants, blocks or DIAGNOSIS_BLOCKS, console)
    if blocks is not None:
        raise click.UsageError("--blocks: only an explanation has blocks, so it needs --diagnosis")
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
