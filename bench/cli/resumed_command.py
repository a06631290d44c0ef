"""The recorded command of a sweep that is resumed."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Any

import click
from click.core import ParameterSource

from bench.records.errors import ResultsError
from bench.records.results_folder import ENVIRONMENT, read_environment
from bench.runner.data_place import find_recorded_data

PROGRAMS = (["python", "-m", "bench.sweep"], ["loaderbench", "sweep"])
# Options that may stand beside --resume: places and durations, which don't change what is measured.
BESIDE_RESUME = (
    "resume", "resume_anyway", "data_dir", "mirror", "budget_s", "timeout_s", "memory_limit", "dry_run",
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
    given = [name for name in values if context.get_parameter_source(name) is ParameterSource.COMMANDLINE]
    _check_given(context, given)
    folder: Path = values["resume"]
    environment = read_environment(folder)
    arguments = _split_command(environment.get("command"), folder)
    # A context alone parses arguments and calls no function.
    first = context.command.make_context(context.info_name, arguments).params
    restored = {**first, **{name: values[name] for name in given}}
    name = str(environment.get("dataset", {}).get("name"))
    if name.startswith("synthetic:"):
        # auto chose it when there was no network, and must choose it again.
        restored["dataset"] = name
    if "data_dir" not in given and first["target"] is None:
        restored["data_dir"] = find_recorded_data(folder, environment, first["data_dir"])
    return restored


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
    raise ResultsError(f"{folder / ENVIRONMENT} holds no command of a sweep: {command!r}")
