"""The recorded command of a sweep that is resumed."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click
from click.core import ParameterSource

from bench.cli.screen_options import SCREEN
from bench.records.errors import ResultsError
from bench.records.results_folder import ENVIRONMENT, read_environment
from bench.runner.data_place import find_recorded_data

PROGRAMS = (["python", "-m", "bench.sweep"], ["loaderbench", "sweep"])
EXPLAIN_PROGRAMS = (["python", "-m", "bench.explain"], ["loaderbench", "explain"])
TUNE_PROGRAMS = (["python", "-m", "bench.tune"], ["loaderbench", "tune"])
COMPARE_PROGRAMS = (["python", "-m", "bench.compare"], ["loaderbench", "compare"])
# Results that are made anew by their command, by the commands that make them.
MADE_ANEW = {
    "an explanation": EXPLAIN_PROGRAMS,
    "a tuning": TUNE_PROGRAMS,
    "one side of a comparison": COMPARE_PROGRAMS,
}
# Options that may stand beside --resume: places, durations and the screen, which don't change figures.
BESIDE_RESUME = (
    "resume", "resume_anyway", "data_dir", "mirror", "budget_s", "timeout_s", "memory_limit", "dry_run",
    *SCREEN,
)  # fmt: skip


def restore_values(context: click.Context, values: dict[str, Any]) -> dict[str, Any]:
    """Return the values of the recorded command, with those that stand beside --resume.

    Args:
        context: context of the command that holds --resume.
        values: values of its options.

    Raises:
        click.UsageError: an option beside --resume would change what is measured.
        ResultsError: the folder holds no command of a sweep, or the data lie elsewhere now.
    """
    given = list_typed(context, values)
    _check_given(context, given)
    folder: Path = values["resume"]
    data_dir = values["data_dir"] if "data_dir" in given else None
    recorded = restore_recorded(context.command, folder, read_environment(folder), data_dir)
    # How the first run printed is none of this one's.
    return {**recorded, **{name: values[name] for name in (*given, *SCREEN)}}


def list_typed(context: click.Context, values: Mapping[str, Any]) -> list[str]:
    """Return the names of the values that were typed.

    Args:
        context: context of the command.
        values: values of its options by their names.
    """
    # click 8.1 counts arguments that take any number of words as typed where there are none.
    return [
        name
        for name, value in values.items()
        if context.get_parameter_source(name) is ParameterSource.COMMANDLINE and value != ()
    ]


def restore_recorded(
    command: click.Command, folder: Path, environment: Mapping[str, Any], data_dir: Path | None = None
) -> dict[str, Any]:
    """Return the values of a sweep's recorded command, with the data that it was measured on.

    Args:
        command: the command of a sweep.
        folder: results folder.
        environment: content of its environment.json.
        data_dir: folder of the data; default None, where they are recorded.

    Raises:
        click.UsageError: the recorded command has options that this version doesn't know.
        ResultsError: the folder holds no command of a sweep, or the data lie elsewhere now.
    """
    arguments = _split_command(environment.get("command"), folder)
    # A context alone parses arguments and calls no function.
    recorded = command.make_context(command.name, arguments).params
    name = str(environment.get("dataset", {}).get("name"))
    if name.startswith("synthetic:"):
        # auto chose it when there was no network, and must choose it again.
        recorded["dataset"] = name
    if data_dir is None and recorded["target"] is None:
        recorded["data_dir"] = find_recorded_data(folder, environment, recorded["data_dir"])
    return recorded


def _check_given(context: click.Context, given: list[str]) -> None:
    options = context.command.params
    for option in options:
        if option.name in given and option.name not in BESIDE_RESUME:
            allowed = ", ".join(other.opts[0] for other in options if other.name in BESIDE_RESUME[1:])
            raise click.UsageError(
                f"{option.opts[0]}: the recorded command says what a resumed sweep measures; beside --resume "
                f"go {allowed}"
            )


def _split_command(command: object, folder: Path) -> list[str]:
    """Return the arguments of a recorded command."""
    try:
        words = shlex.split(str(command))
    except ValueError:
        words = []
    for program in PROGRAMS:
        if words[: len(program)] == program:
            return words[len(program) :]
    for what, programs in MADE_ANEW.items():
        if any(words[: len(program)] == program for program in programs):
            raise ResultsError(
                f"{folder} holds {what}, which is made anew by its command: {shlex.join(words)}"
            )
    raise ResultsError(f"{folder / ENVIRONMENT} holds no command of a sweep: {command!r}")
