"""Ask whether the chosen setting of a tuning is written into the user's file."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from bench.editing.edit import Edit, apply_edit
from bench.editing.errors import EditError
from bench.editing.make_edit import make_edit
from bench.plan.tune_options import TuneOptions
from bench.records.errors import StorageError
from bench.report.command_output import CommandOutput
from bench.report.output import complain
from bench.report.tune.conclusion import TuneConclusion
from bench.workloads.script.script_file import is_script

# What a DataLoader has for the value that stands for its default.
DEFAULT = ("", "none")
SWITCH = {"true": True, "false": False, "on": True, "off": False}


def offer_edit(options: TuneOptions, conclusion: TuneConclusion, output: CommandOutput) -> None:
    """Show how the chosen setting changes the user's file, and write it if they agree.

    Args:
        options: order of the tuning: its target, and whether to write without a question.
        conclusion: end of the tuning.
        output: places that the command prints to. Beside JSON, the change is shown on standard error.
    """
    tuning = conclusion.tuning
    if not options.apply or tuning is None:
        return
    if tuning.outcome.verdict != "gain":
        output.progress.print("--apply: the file stays as it is, since no setting is shown to be faster.")
        return
    try:
        edit = edit_target(str(options.order.target), tuning.chosen.changes)
        _offer(edit, output, assume_yes=options.assume_yes)
    except (EditError, StorageError) as error:
        complain(f"--apply: {error}")


def edit_target(target: str, changes: Mapping[str, str]) -> Edit:
    """Make the change of a target's file.

    Args:
        target: `FILE.py`, or `FILE.py:NAME`.
        changes: new settings by the names of their options, as text.

    Raises:
        EditError: it isn't in a file, or its file can't be changed by itself.
    """
    place, _, name = (target, "", None) if is_script(target) else target.rpartition(":")
    if not place.endswith(".py"):
        raise EditError(f"{target} names no file: give it as FILE.py:NAME")
    return make_edit(
        Path(place).expanduser(), name, {key: _read_value(value) for key, value in changes.items()}
    )


def _read_value(text: str) -> Any:
    """Return the value that an option's text stands for."""
    if text in DEFAULT:
        return None
    if text in SWITCH:
        return SWITCH[text]
    return int(text) if text.lstrip("-").isdecimal() else text


def _offer(edit: Edit, output: CommandOutput, *, assume_yes: bool) -> None:
    """Show a change, and write it if the user agrees.

    Raises:
        EditError: the file has changed since.
        StorageError: it can't be written.
    """
    show = output.progress.print
    for note in edit.notes:
        show(note, markup=False)
    if not edit.has_changes:
        show(f"{edit.path} has this setting already." if not edit.notes else f"{edit.path} stays as it is.")
        return
    show(edit.diff(), markup=False, soft_wrap=True, end="")
    if not assume_yes:
        if not (sys.stdin.isatty() and sys.stderr.isatty()):
            show(
                f"{edit.path} stays as it is: nobody can be asked here. --apply --yes writes it.",
                markup=False,
            )
            return
        try:
            agreed = click.confirm(f"Write this into {edit.path}?", err=True)
        except click.Abort:
            agreed = False
        if not agreed:
            show(f"{edit.path} stays as it is.", markup=False)
            return
    apply_edit(edit)
    show(f"{edit.path} is changed.", markup=False)
