"""Measure what the toolkit says of loaders and trainings whose costs are planned.

`python -m bench.validate` exits with 0 if every reading agrees with its plan and every cheat is caught.
`python -m bench.validate --diagnosis` exits with 0 if enough of the planted causes are named.
`python -m bench.validate --comparison` exits with 0 if comparisons raise few false alarms and find planted
slow-downs.
`python -m bench.validate --tuning` exits with 0 if tunings find the best setting, or one as good, and claim
few gains that aren't there.
`python -m bench.validate --regret` exits with 0 if tunings come close to the best of a whole grid in a
fraction of its time.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import click
import torch
from rich.console import Console

from bench.cli.command_line import run_command
from bench.cli.option_readers import make_list_reader, make_reader
from bench.cli.regret_options import BUDGET, make_regret_options, resume_regret
from bench.cli.user_path import UserPath
from bench.plan.plan import PlanError
from bench.plan.revision_options import BLOCKS
from bench.process.errors import ProcessError
from bench.records.errors import ResultsError
from bench.report.console import make_console
from bench.runner.tuning import exhaustive
from bench.validation.cases import CASES
from bench.validation.comparison.block_group import STEP_OF_RUNS
from bench.validation.comparison.measure_rates import RatesOptions, measure_rates
from bench.validation.diagnosis.plants import PLANTS
from bench.validation.diagnosis.scoring import DiagnosisOptions, score_diagnosis
from bench.validation.judging import CaseResult
from bench.validation.keeping import keep_results, print_missing
from bench.validation.measuring import measure_cases
from bench.validation.tables import print_cheats, print_conclusion, print_problems, print_readings
from bench.validation.tuning import measure_regret, measure_tunings
from bench.validation.tuning.measure_tunings import TuningsOptions
from bench.validation.tuning.real_tuning import NotTunedError
from bench.validation.validation_case import ValidationCase
from bench.workloads.target.target import TargetError
from loaders.data.errors import DataError
from loaders.spec.knobs import Integer

BY_NAME = {case.name: case for case in CASES}
PLANTS_BY_NAME = {plant.name: plant for plant in PLANTS}
# Fewer give no interval.
DIAGNOSIS_BLOCKS = 3
# Comparisons of the same code, or tunings of equal settings, of which 5% are two.
RUNS = 40
# Tunings of one loader, of which nine are to be right.
SEEDS = 10
# What is validated instead of cases.
KINDS = ("diagnosis", "comparison", "tuning", "regret")
# Options, and the kinds that have them.
KINDS_OF = {
    "runs": ("comparison", "tuning"),
    "out": ("diagnosis", "comparison", "tuning", "regret"),
    "seeds": ("regret",),
    "budget": ("regret",),
    "resume": ("regret",),
}
HELP = (
    "Check the toolkit on what is known beforehand. Without an option: loaders and scripts with planned "
    "costs, and ones that cheat, in two minutes.\n\n"
    "With --regret, target and options of the tuning follow --, as bench.tune takes them. Without them it "
    "tunes 216 settings of small pictures.\n\n"
    "Exit codes: 0 if enough is right, 1 if not or if something failed, 2 for bad input, 130 after Ctrl-C. "
    "What was measured until then is printed and kept."
)


def validate(cases: Sequence[ValidationCase], console: Console) -> int:
    """Measure the cases, print the results, and return the exit code: 0 if all are right, else 1.

    A case that fails is wrong. An interrupt ends the measuring. The results until then are printed all the
    same.
    """
    began_s = time.monotonic()
    results: list[CaseResult] = []

    def conclude(is_whole: bool) -> None:
        if results:
            console.print()
            print_readings(console, results)
            print_cheats(console, results)
            print_problems(console, results)
            print_conclusion(console, results, time.monotonic() - began_s)
        print_missing(console, None if is_whole else len(results), len(cases), "case")

    with keep_results(conclude):
        results.extend(measure_cases(cases, console))
    return 0 if all(result.right for result in results) else 1


def _read_names(context: click.Context, option: click.Parameter, text: str | None) -> tuple[str, ...] | None:
    """Return the names of cases; with --diagnosis or --tuning those of what it plants."""
    names: Iterable[str] = BY_NAME
    if context.params["diagnosis"]:
        names = PLANTS_BY_NAME
    elif context.params["tuning"]:
        names = measure_tunings.ONLY

    def read_name(name: str) -> str:
        if name not in names:
            raise ValueError(name)
        return name

    return make_list_reader(read_name, f"one of {', '.join(names)}", names)(context, option, text)


@click.command(help=HELP, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.option(
    "--diagnosis",
    is_flag=True,
    # What --only may name depends on it.
    is_eager=True,
    help="explain trainings with planted causes, and count those that are named; some 35 minutes",
)
@click.option(
    "--comparison",
    is_flag=True,
    help="compare loaders that are the same or slower, and count right answers; some 8 minutes",
)
@click.option(
    "--tuning",
    is_flag=True,
    # What --only may name depends on it.
    is_eager=True,
    help="tune landscapes and loaders whose best setting is known, and count hits; some 50 minutes",
)
@click.option(
    "--regret",
    is_flag=True,
    help="tune with several seeds, and compare the choices with the whole grid; some 60 minutes",
)
@click.option("--only", metavar="LIST", callback=_read_names, help="measure only these cases")
@click.option(
    "--blocks",
    metavar="N",
    callback=make_reader(Integer(1, 100)),
    help=(
        f"blocks of each explanation (default {DIAGNOSIS_BLOCKS}), of each comparison (default {BLOCKS}), or "
        f"of the whole grid with --regret (default {exhaustive.BLOCKS})"
    ),
)
@click.option(
    "--runs",
    metavar="N",
    callback=make_reader(Integer(STEP_OF_RUNS, 400)),
    help=(
        "with --comparison: comparisons of the same code; with --tuning: tunings of equal settings, and of "
        f"each landscape with each noise; {STEP_OF_RUNS} or a multiple; default {RUNS}"
    ),
)
@click.option(
    "--seeds",
    metavar="N",
    callback=make_reader(Integer(1, 100)),
    help=f"with --regret: number of tunings; default {SEEDS}",
)
@click.option("--budget", metavar="TIME", help=f"with --regret: budget of each tuning; default {BUDGET}")
@click.option(
    "--out",
    type=UserPath(),
    metavar="DIR",
    help=(
        "with --diagnosis, --comparison, --tuning or --regret: folder of the results; default "
        "results/<UTC time>-diagnosis and the like"
    ),
)
@click.option(
    "--resume",
    type=UserPath(),
    metavar="DIR",
    help="with --regret: go on with the results in this folder; its command says what is measured",
)
@click.argument("words", nargs=-1, type=click.UNPROCESSED, metavar="[-- [TARGET] [OPTIONS OF bench.tune]]")
def command(words: tuple[str, ...], **given: Any) -> int:
    """Run the command line of this module."""
    console = make_console()
    kind = _check_kind([name for name in KINDS if given[name]], {**given, "words": words})
    only, blocks, out = given["only"], given["blocks"], given["out"]
    runs = given["runs"] or RUNS
    if kind == "regret":
        if given["resume"] is not None:
            return measure_regret.measure_regret(resume_regret(given["resume"]), console)
        budget, seeds = given["budget"] or BUDGET, given["seeds"] or SEEDS
        order = make_regret_options(words, budget, seeds, blocks or exhaustive.BLOCKS, out)
        return measure_regret.measure_regret(order, console)
    if kind == "tuning":
        options = TuningsOptions(runs, only or measure_tunings.ONLY, out)
        return measure_tunings.measure_tunings(options, console)
    if kind == "comparison":
        return measure_rates(RatesOptions(runs, blocks or BLOCKS, out), console)
    if kind == "diagnosis":
        plants = [PLANTS_BY_NAME[name] for name in only or PLANTS_BY_NAME]
        return score_diagnosis(DiagnosisOptions(plants, blocks or DIAGNOSIS_BLOCKS, out), console)
    return validate(_choose_cases(only, console), console)


def _check_kind(kinds: Sequence[str], given: Mapping[str, Any]) -> str:
    """Check that the options belong to what is validated, and return it; an empty text for the cases."""
    if len(kinds) > 1:
        raise click.UsageError(f"--{kinds[1]}: --{kinds[0]} validates another thing: give one of them")
    kind = kinds[0] if kinds else ""
    if kind == "comparison" and given["only"] is not None:
        raise click.UsageError("--only: a comparison has no cases; --runs makes it shorter")
    if kind == "regret" and given["only"] is not None:
        raise click.UsageError("--only: --regret has no cases; --seeds makes it shorter")
    if kind == "tuning" and given["blocks"] is not None:
        raise click.UsageError("--blocks: a tuning chooses how many blocks it has")
    if not kind and given["blocks"] is not None:
        raise click.UsageError(
            "--blocks: only explanations, comparisons and whole grids have blocks: it needs --diagnosis, "
            "--comparison or --regret"
        )
    if given["words"] and kind != "regret":
        raise click.UsageError(f"{given['words'][0]!r}: only --regret takes a target and options of a tuning")
    for name, kinds_of in KINDS_OF.items():
        if given[name] is not None and kind not in kinds_of:
            raise click.UsageError(f"--{name}: it needs {_join_kinds(kinds_of)}")
    if given["resume"] is not None:
        for name in ("seeds", "blocks", "budget", "out", "words"):
            if given[name]:
                typed = given["words"][0] if name == "words" else f"--{name}"
                raise click.UsageError(
                    f"{typed}: the recorded command says what --resume measures: leave it out"
                )
    if (given["runs"] or 0) % STEP_OF_RUNS:
        raise click.UsageError(f"--runs: {given['runs']} is not a multiple of {STEP_OF_RUNS}")
    return kind


def _join_kinds(kinds: Sequence[str]) -> str:
    """Return options such as `--comparison or --tuning`."""
    *firsts, last = (f"--{kind}" for kind in kinds)
    return f"{', '.join(firsts)} or {last}" if firsts else last


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
    errors = (ProcessError, ResultsError, TargetError, PlanError, NotTunedError, DataError)
    run_command(command, user_errors=errors, arguments=arguments, program=program)


if __name__ == "__main__":
    main()
