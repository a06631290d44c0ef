"""Options in Python: keyword arguments as the words of the command line that means the same."""

from __future__ import annotations

import os
import shlex
from collections.abc import Iterable, Mapping, Sequence
from numbers import Number
from typing import Any

import click

from bench.cli.option_readers import parse_literal
from bench.text import suggest
from loaders.spec.knobs import format_value

# Options that print and measure nothing, or change a file of the user's.
ONLY_TYPED = ("help", "dry_run", "format", "json", "quiet", "apply", "yes")
# Options that take a percentage.
PERCENTAGES = ("precision", "margin", "regret")
# What each command makes, by its name.
NOUNS = {"sweep": "a sweep", "explain": "an explanation", "tune": "a tuning", "compare": "a comparison"}


def read_options(
    command: click.Command, program: Sequence[str], target: str | None, options: Mapping[str, Any]
) -> Any:
    """Return what a command returns for options in Python, as for those that are typed.

    Args:
        command: the command, which returns its options.
        program: words of the command's name.
        target: its TARGET; None for none.
        options: values by the name of their option, as `write_arguments` takes them.

    Raises:
        TypeError: no option has such a name, or takes such a value.
        ValueError: a value isn't allowed, or options contradict each other.
    """
    check_names(command, options, ONLY_TYPED)
    words = write_arguments(command, target, options)
    try:
        return command.main(args=words, prog_name=" ".join(program), standalone_mode=False)
    except click.ClickException as error:
        raise ValueError(error.format_message()) from None


def write_arguments(command: click.Command, target: str | None, options: Mapping[str, Any]) -> list[str]:
    """Return the words of the command line that has these options.

    Args:
        command: the command.
        target: its TARGET; None for none.
        options: values by the name of their option, which `check_names` has seen: `num_workers=[0, 2]`. None
            leaves an option out. A list stands for values separated by commas, a number of seconds for a
            time, a share such as 0.03 for a percentage, and a mapping for NAME=LIST.

    Raises:
        TypeError: an option doesn't take such a value.
    """
    known, rest = _list_options(command), _list_rest(command)
    if target is not None and not isinstance(target, str | os.PathLike):
        raise TypeError(
            f"target: a value of type {type(target).__name__} can't be sent to a trial's process; "
            "give a text, as 'train.py:train_loader'"
        )
    words = [] if target is None else [os.fspath(target)]
    for name, value in options.items():
        if value is not None and name in known:
            words += _write_option(known[name], name, value)
    for name in rest:
        if (value := options.get(name)) is not None:
            words += ["--", *_write_rest(name, value)]
    return words


def check_names(command: click.Command, names: Iterable[str], refused: Sequence[str]) -> None:
    """Check that a command has options of these names.

    Args:
        command: the command.
        names: names of options, with underscores.
        refused: names of its options that aren't allowed here.

    Raises:
        TypeError: there is no such option, or it isn't allowed; the line names the nearest one.
    """
    known = [*_list_options(command), *_list_rest(command)]
    for name in names:
        if name in refused:
            raise TypeError(f"{name}: it is for the command line alone")
        if name not in known:
            meant = suggest(name, (one for one in known if one not in refused), likeness=0.4)
            raise TypeError(f"{name}: no option of {NOUNS[command.name or '']} has this name{meant}")


def _list_options(command: click.Command) -> dict[str, click.Option]:
    """Return the options of a command by their names in Python."""
    return {name_option(one): one for one in command.params if isinstance(one, click.Option)}


def _list_rest(command: click.Command) -> list[str]:
    """Return the names of the arguments that take all words after `--`."""
    return [one.name or "" for one in command.params if isinstance(one, click.Argument) and one.nargs == -1]


def name_option(option: click.Parameter) -> str:
    """Return the name of an option in Python: `num_workers` for `--num-workers`."""
    return option.opts[0].removeprefix("--").replace("-", "_")


def _write_option(option: click.Option, name: str, value: Any) -> list[str]:
    flag = option.opts[0]
    if option.is_flag:
        if not isinstance(value, bool):
            raise TypeError(f"{name}: {value!r} is not True or False")
        return [flag] * value
    # An option whose value may be left out, as --aa.
    if isinstance(value, bool) and isinstance(option.flag_value, str):
        return [flag, option.flag_value] if value else []
    if option.nargs > 1:
        return [flag, *_write_items(name, value)]
    if option.multiple:
        texts = _write_mapping(name, value) if isinstance(value, Mapping) else _write_items(name, value)
        return [word for text in texts for word in (flag, text)]
    if name in PERCENTAGES and isinstance(value, Number):
        return [flag, f"{100 * float(value):.12g}%"]  # type: ignore[arg-type]
    text = ",".join(_write_items(name, value))
    return [f"{flag}={text}"] if text.startswith("-") else [flag, text]


def _write_mapping(name: str, values: Mapping[str, Any]) -> list[str]:
    """Return `size=128,224` for each parameter with its values."""
    found = []
    for key, value in values.items():
        items = [*value] if isinstance(value, list | tuple | range) else [value]
        if commas := [item for item in items if isinstance(item, str) and "," in item]:
            raise TypeError(f"{name}: {commas[0]!r} has a comma, which separates values")
        found.append(f"{key}={','.join(_write_literal(name, item) for item in items)}")
    return found


def _write_literal(name: str, value: Any) -> str:
    """Return the text that stands for a value of a parameter."""
    if not isinstance(value, str):
        return repr(value) if value is None or isinstance(value, bool) else _write_item(name, value)
    # Without quotes a text such as `7` or `false` would be read as another value.
    return value if value and parse_literal(value.strip()) == value else repr(value)


def _write_rest(name: str, value: Any) -> list[str]:
    """Return the words of a script's arguments, which may stand in one text as in a shell."""
    if isinstance(value, str):
        try:
            return shlex.split(value)
        except ValueError as error:
            raise TypeError(f"{name}: {value!r} can't be split into words: {error}") from None
    if not isinstance(value, list | tuple | range):
        raise TypeError(f"{name}: a {type(value).__name__} is no text and no list")
    return [str(item) for item in value]


def _write_items(name: str, value: Any) -> list[str]:
    items = value if isinstance(value, list | tuple | range) else [value]
    return [_write_item(name, item) for item in items]


def _write_item(name: str, value: Any) -> str:
    if isinstance(value, os.PathLike):
        return str(os.fspath(value))
    if value is None or isinstance(value, str | bool | Number) or type(value).__name__ == "bool_":
        return format_value(value)
    raise TypeError(f"{name}: a {type(value).__name__} is no number, no text and no list of these")
