"""Make the change of a DataLoader call's arguments in a user's file."""

from __future__ import annotations

import ast
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from bench.editing.call_text import POSITIONS, CallText
from bench.editing.edit import Edit
from bench.editing.errors import EditError
from bench.editing.loader_calls import (
    find_assignment,
    find_scopes,
    find_shared,
    is_partial,
    list_loader_calls,
    list_within,
)
from bench.editing.source_text import SourceText
from bench.text import join_few, join_words, suggest

# Arguments that can be changed, and PyTorch's defaults.
DEFAULTS: Mapping[str, Any] = {
    "batch_size": 1,
    "num_workers": 0,
    "pin_memory": False,
    "prefetch_factor": None,
    "persistent_workers": False,
    "multiprocessing_context": None,
    "in_order": True,
}
# Arguments that a DataLoader without workers refuses, unless they have these values.
OF_WORKERS: Mapping[str, Any] = {
    "prefetch_factor": None,
    "persistent_workers": False,
    "multiprocessing_context": None,
    "timeout": 0,
}
# Settings that are made elsewhere than in the call of a DataLoader.
ELSEWHERE = ("num_threads", "transfer")


def make_edit(path: Path, name: str | None, changes: Mapping[str, Any], line: int | None = None) -> Edit:
    """Make the change of a DataLoader call's arguments. The file is read, not written.

    Args:
        path: the user's file.
        name: function or variable that returns or holds the loader, such as `train_loader`; None for a
            script, in which the call is looked for everywhere.
        changes: new values by the names of the arguments. Those of `ELSEWHERE` are noted, as no
            DataLoader takes them.
        line: line in which the call begins, or another one of it, where it is known that it makes the loader.
            It may lie outside of the function or variable then. Default None.

    Raises:
        EditError: there is no such call or more than one, it may make other loaders too, an argument's value
            isn't written in it, or the file can't be read.
    """
    for argument in changes:
        if argument not in DEFAULTS and argument not in ELSEWHERE:
            raise EditError(f"{path}: {argument} can't be set{suggest(argument, [*DEFAULTS, *ELSEWHERE])}")
    wanted = {argument: value for argument, value in changes.items() if argument in DEFAULTS}
    try:
        content = path.read_bytes()
    except OSError as error:
        raise EditError(f"{path} can't be read: {error.strerror}") from None
    source = SourceText.decode(path, content)
    try:
        number = _pick_call(source, name, line)
        changed = _change_call(source, number, wanted)
    except EditError as error:
        raise EditError(f"{error}{advise(changes)}") from None
    notes = tuple(
        f"{argument}={value} is no argument of a DataLoader: {_advise_elsewhere(argument, value)}"
        for argument, value in changes.items()
        if argument in ELSEWHERE
    )
    place = list_loader_calls(source.tree)[number].lineno
    return Edit(path, content, changed.encode(), source.encoding, place, notes)


def advise(changes: Mapping[str, Any]) -> str:
    """Return the end of an error's line, which says what to set by hand; empty for nothing.

    Args:
        changes: new values by the names of the arguments.
    """
    wanted = {argument: value for argument, value in changes.items() if argument in DEFAULTS}
    return f": set {describe_changes(wanted)} there yourself" if wanted else ""


def _advise_elsewhere(argument: str, value: Any) -> str:
    """Return how to make a setting that is no argument of a DataLoader."""
    if argument == "num_threads":
        return f"call torch.set_num_threads({value}) where the training begins"
    if value == "prefetch":
        return (
            "let the loop take its batches from NestedPrefetcher(loader), of loaders.device.nested_prefetcher"
        )
    copy = ".to(device, non_blocking=True)" if value == "non_blocking" else ".to(device)"
    return f"copy the batches by {copy} in the loop"


def describe_changes(changes: Mapping[str, Any]) -> str:
    """Return arguments as they stand in a call, such as `num_workers=2 and persistent_workers=True`."""
    return join_words([f"{name}={_write(value)}" for name, value in changes.items()])


def _pick_call(source: SourceText, name: str | None, line: int | None) -> int:
    """Return the number of the call among those of the file.

    Raises:
        EditError: there is none, or more than one.
    """
    calls = list_loader_calls(source.tree)
    found, where = calls, str(source.path)
    scopes = [] if name is None else find_scopes(source.tree, name)
    if line is not None:
        where = f"{source.path} line {line}"
        around = [call for call in calls if call.lineno <= line <= (call.end_lineno or call.lineno)]
        found = [call for call in around if call.lineno == line] or around
    elif name is not None:
        where = f"{source.path}:{name}"
        if not scopes:
            raise EditError(f"{source.path} doesn't define {name}")
        found = list_within(calls, scopes)
    if not found:
        raise EditError(f"{where} has no call of DataLoader")
    if len(found) > 1:
        lines = sorted({call.lineno for call in found})
        places = f", in lines {join_few(map(str, lines))}" if len(lines) > 1 or line is None else ""
        raise EditError(f"{where} calls DataLoader more than once{places}")
    (call,) = found
    if is_partial(call):
        raise EditError(f"{source.path} line {call.lineno} makes a partial, which may be called anywhere")
    if line is not None and not list_within(found, scopes):
        # A function that the user has named may be called anywhere: it makes the loader that they mean.
        _check_alone(source, call)
    return calls.index(call)


def _check_alone(source: SourceText, call: ast.Call) -> None:
    """Check that a call makes no other loaders, by how often the functions around it are named.

    Raises:
        EditError: one of them is named several times.
    """
    if (shared := find_shared(source.tree, call)) is not None:
        name, found = shared
        lines = [str(line) for line in dict.fromkeys(found)]
        places = f"{'lines' if len(lines) > 1 else 'line'} {join_few(lines)}"
        raise EditError(
            f"{source.path} line {call.lineno} may make other loaders too, as {name} is used "
            f"{len(found):,} times, in {places}"
        )


def _change_call(source: SourceText, number: int, wanted: Mapping[str, Any]) -> SourceText:
    """Return the file with other arguments of a call.

    Raises:
        EditError: the call can't be changed by itself.
    """
    drops = OF_WORKERS if wanted.get("num_workers") == 0 else {}
    changed = source
    for argument, value in {**wanted, **drops}.items():
        # Each change moves what follows it, so the call is found anew.
        text = CallText(changed, list_loader_calls(changed.tree)[number])
        changed = _change_argument(text, argument, value, is_refused=argument in drops)
    _check_result(source, changed, number, {**wanted, **drops})
    return changed


def _change_argument(text: CallText, argument: str, value: Any, *, is_refused: bool) -> SourceText:
    """Return the file with one argument of a call changed.

    Args:
        text: the call.
        argument: name of the argument.
        value: its new value.
        is_refused: whether a DataLoader refuses other values, so that the argument is taken out.

    Raises:
        EditError: its present value isn't written in the call.
    """
    present = text.find(argument)
    if present is None:
        if is_refused or value is None or value == DEFAULTS[argument]:
            return text.source
        return text.add(f"{argument}={_write(value)}")
    if _equals(present, value):
        return text.source
    if is_refused and text.is_keyword(argument):
        return text.remove(argument)
    _check_literal(text, present, argument)
    if value is None and text.is_keyword(argument):
        return text.remove(argument)
    return text.replace(present, _write(value))


def _check_literal(text: CallText, present: ast.expr, argument: str) -> None:
    """Check that a value is written in the call itself.

    Raises:
        EditError: it comes from elsewhere.
    """
    try:
        ast.literal_eval(present)
    except (ValueError, TypeError):
        expression = ast.unparse(present)
        line = find_assignment(text.source.tree, expression)
        where = "" if line is None else f" (line {line} sets it)"
        raise EditError(
            f"{text.source.path} line {present.lineno}: {argument}={expression} is no literal{where}"
        ) from None


def _check_result(before: SourceText, after: SourceText, number: int, wanted: Mapping[str, Any]) -> None:
    """Check by the syntax trees that these arguments have changed, and nothing else.

    Raises:
        EditError: the text means something else.
    """
    text = CallText(after, list_loader_calls(after.tree)[number])
    found = {argument: text.find(argument) for argument in wanted}
    missed = [name for name, node in found.items() if node is not None and not _equals(node, wanted[name])]
    if missed or _dump_others(before, number, wanted) != _dump_others(after, number, wanted):
        raise EditError(f"{text.place} can't be changed by itself")


def _dump_others(source: SourceText, number: int, wanted: Mapping[str, Any]) -> str:
    """Return the syntax tree of a file as text, without these arguments of a call."""
    tree = ast.parse(source.text)
    call = list_loader_calls(tree)[number]
    call.keywords = [one for one in call.keywords if one.arg not in wanted]
    call.args = [ast.Constant(None) if name in wanted else one for name, one in _name_positions(call.args)]
    return ast.dump(tree)


def _name_positions(values: list[ast.expr]) -> list[tuple[str, ast.expr]]:
    names = [*POSITIONS, *[""] * len(values)]
    return list(zip(names[: len(values)], values, strict=True))


def _equals(node: ast.expr, value: Any) -> bool:
    """Return whether a node of the tree is the literal of a value."""
    try:
        present = ast.literal_eval(node)
    except (ValueError, TypeError):
        return False
    return type(present) is type(value) and bool(present == value)


def _write(value: Any) -> str:
    """Return a value as a program has it, texts in double quotes."""
    return f'"{value}"' if isinstance(value, str) else repr(value)
