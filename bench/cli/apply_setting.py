"""Write the setting that a tuning has found into the user's file."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click
from rich.console import Console

from bench.analysis.tuning.tuning import Candidate, Tuning
from bench.editing.edit import Edit, apply_edit
from bench.editing.errors import EditError
from bench.editing.make_edit import DEFAULTS, ELSEWHERE, advise, make_edit
from bench.records.errors import StorageError
from bench.report.console import print_line
from bench.report.output import complain
from bench.workloads.script.script_file import is_script
from bench.workloads.script.script_place import find_module_file, is_module
from loaders.registry import all_knobs
from loaders.spec.dataloader_spec import DEFAULT_PREFETCH_FACTOR, default_start_method
from loaders.spec.loader_call import LoaderCall


def check_call(target: str, call: LoaderCall | None = None) -> bytes:
    """Check that a TARGET's file has one DataLoader call that can be changed. It takes milliseconds.

    Args:
        target: `FILE.py`, `package.module`, or `FILE.py:NAME`.
        call: the call that made the loader; default None where it isn't known.

    Returns:
        The content of the file, in which the call has its line.

    Raises:
        EditError: it has none, more than one, or one that makes other loaders too.
    """
    try:
        return _make_edit(target, call, {}).before
    except EditError as error:
        raise EditError(f"--apply: {error}; without it the lines to paste are printed") from None


def apply_setting(
    console: Console, tuning: Tuning, target: str, *, assume_yes: bool, content: bytes | None = None
) -> bool:
    """Show how the DataLoader call changes, ask, and write it.

    Args:
        console: console to print to.
        tuning: what was found.
        target: `FILE.py`, `package.module`, or `FILE.py:NAME`.
        assume_yes: whether it is written without a question.
        content: what the file held before the measuring; default None for what it holds now.

    Returns:
        True if it was written, if nothing is to be changed, or if the user declined.
    """
    if not tuning.outcome.chosen:
        print_line(console, f"{target} stays as it is.")
        return True
    try:
        changes = list_arguments(tuning.chosen, tuning.present)
        _check_unchanged(_split_target(target)[0], content, changes)
        edit = _make_edit(target, tuning.loader_call, changes)
        if not edit.has_changes:
            print_line(console, f"{edit.path} has these arguments already.")
        elif _show_and_ask(console, edit, assume_yes=assume_yes):
            apply_edit(edit)
            print_line(console, f"{edit.path} is written.")
        else:
            print_line(console, f"{edit.path} stays as it is.")
    except (EditError, StorageError) as error:
        complain(f"--apply: {error}")
        return False
    for note in edit.notes:
        print_line(console, note)
    return True


def list_arguments(chosen: Candidate, present: Candidate) -> dict[str, Any]:
    """Return the arguments of DataLoader that make a setting, by their names.

    Args:
        chosen: the setting.
        present: what the user has.

    Raises:
        EditError: no argument of a DataLoader makes it.
    """
    changes = {name: _read_value(name, cell) for name, cell in chosen.changes.items()}
    if "0" in (chosen.cells.get("num_workers"), present.cells.get("num_workers")):
        # They follow from the number of workers, unless they differ from PyTorch's own.
        usual = {
            "prefetch_factor": (None, DEFAULT_PREFETCH_FACTOR),
            "multiprocessing_context": (None, default_start_method()),
        }
        changes = {name: value for name, value in changes.items() if value not in usual.get(name, ())}
    _check_arguments(chosen, changes)
    return changes


def _check_arguments(chosen: Candidate, changes: Mapping[str, Any]) -> None:
    others = [name for name in changes if name not in DEFAULTS and name not in ELSEWHERE]
    if "family" in changes:
        raise EditError(
            f"{chosen.cells['family']} is another loader than a DataLoader: paste the lines above, or add "
            "--family dataloader, which tries no other"
        )
    if others:
        told = ", ".join(f"{name}={chosen.cells[name]}" for name in others)
        raise EditError(f"{told}: no argument of a DataLoader. Paste the lines above")


def _read_value(name: str, cell: str) -> Any:
    """Return the value that a cell of the results stands for."""
    knob = all_knobs().get(name)
    if knob is None and name in ELSEWHERE:
        return int(cell)
    if knob is None or cell == "":
        return cell
    return None if cell == "none" else knob.kind.parse(cell)


def _show_and_ask(console: Console, edit: Edit, *, assume_yes: bool) -> bool:
    """Show a change, and return whether it is to be written."""
    console.print(edit.diff(), markup=False, highlight=False, soft_wrap=True)
    if assume_yes:
        return True
    try:
        return click.confirm(f"Write this into {edit.path}?", default=False)
    except click.Abort:
        raise EditError(
            f"nobody answered, and nothing was written: --yes writes without a question, or set "
            f"{edit.path} line {edit.line} yourself"
        ) from None


def _check_unchanged(path: Path, content: bytes | None, changes: Mapping[str, Any]) -> None:
    """Check that a file is as it was before the measuring, so that the call has its line.

    Raises:
        EditError: it isn't.
    """
    try:
        has_changed = content is not None and path.read_bytes() != content
    except OSError:
        # `make_edit` says why it can't be read.
        return
    if has_changed:
        raise EditError(f"{path} has changed since it was tuned{advise(changes)}")


def _make_edit(target: str, call: LoaderCall | None, changes: Mapping[str, Any]) -> Edit:
    """Make the change of the call that made the loader.

    Raises:
        EditError: it lies in another file or makes other loaders too, or `make_edit` raises it.
    """
    path, name = _split_target(target)
    if call is None:
        return make_edit(path, name, changes)
    place = f"{call.file} line {call.line}"
    if path.exists() and not (Path(call.file).exists() and path.samefile(call.file)):
        raise EditError(f"{path}: its DataLoader is made in another file, in {place}{advise(changes)}")
    if call.loaders > 1:
        raise EditError(f"{place} makes several DataLoaders, of which one is tuned{advise(changes)}")
    return make_edit(path, name, changes, call.line)


def _split_target(target: str) -> tuple[Path, str | None]:
    """Return the file, and the name of the loader or of the function that makes it; None for a script."""
    if is_script(target):
        is_named = is_module(target)
        return find_module_file(target, Path.cwd()) if is_named else Path(target).expanduser(), None
    file, _, name = target.rpartition(":")
    return Path(file).expanduser(), name
