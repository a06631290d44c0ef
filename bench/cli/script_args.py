"""The arguments of a script, which follow `--` on the command line."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import click

from bench.cli.grouped_command import ARGUMENTS
from bench.workloads.script.script_file import is_script

# Options that a script leaves no room for, each with the reason.
REFUSED = {
    "params": "a script takes its arguments after --",
    "step": "a script has its own step",
    "step_ms": "a script has its own step",
    "device": "a script chooses its own device",
}


def read_script_args(
    context: click.Context, _argument: click.Parameter, words: tuple[str, ...]
) -> tuple[str, ...]:
    """Return the arguments of a script.

    Raises:
        click.UsageError: they don't follow `--`, or no target stands before it.
    """
    typed: tuple[str, ...] = context.meta.get(ARGUMENTS, ())
    rest = typed[typed.index("--") + 1 :] if "--" in typed else ()
    if len(words) > len(rest):
        raise click.UsageError(
            f"{words[0]!r}: the arguments of a script follow --, and a sweep has one target"
        )
    # click takes the first word for the target, wherever it stands.
    if len(words) < len(rest):
        raise click.UsageError(_refuse(rest[0]))
    return tuple(words)


def check_script(values: Mapping[str, Any]) -> bool:
    """Check the options that only a script has, and those that it can't have.

    Returns:
        Whether the target is a script.

    Raises:
        click.UsageError: there is one of the others.
    """
    target = values["target"]
    if target is not None and is_script(target):
        given = [name for name in REFUSED if values[name] and values[name] != ("auto",)]
        if given:
            option = {"params": "--param"}.get(given[0], f"--{given[0].replace('_', '-')}")
            raise click.UsageError(f"{option}: {REFUSED[given[0]]}")
        return True
    if values["script_args"]:
        raise click.UsageError(_refuse(values["script_args"][0]))
    if values["pick"] is not None:
        raise click.UsageError("--pick: there is no script whose DataLoader it could be")
    return False


def _refuse(word: str) -> str:
    return f"-- {word}: arguments are for a script, as in FILE.py -- ARGS or package.module -- ARGS"
