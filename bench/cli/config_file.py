"""ConfigFile: options of a command in a TOML file."""

from __future__ import annotations

import sys
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from bench.cli.python_options import check_names, name_option, write_arguments
from bench.records.results_folder import CONFIG

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

TARGET, SCRIPT_ARGS = "target", "script_args"
# Arguments that stand in a file, beside options.
ARGUMENTS = {TARGET, SCRIPT_ARGS}
# A file names no other file.
REFUSED = ("config", "help")


@dataclass(frozen=True)
class ConfigFile:
    """Options of a command in a TOML file.

    Attributes:
        path: the file.
        values: values by the names of their options in Python, such as `num_workers`.
        keys: key of each option, as the file spells it, such as `num-workers`.
    """

    path: Path
    values: Mapping[str, Any]
    keys: Mapping[str, str]

    @classmethod
    def read(cls, path: Path, command: click.Command) -> ConfigFile:
        """Read the options of a command from a file.

        Args:
            path: the file.
            command: the command.

        Raises:
            click.UsageError: the file can't be read, is no TOML, or has a key that is no option.
        """
        named = {one.name or "" for one in command.params if isinstance(one, click.Argument)}
        arguments, others = named & ARGUMENTS, named ^ ARGUMENTS
        keys: dict[str, str] = {}
        values: dict[str, Any] = {}
        for key, value in _read_toml(path).items():
            name = key.replace("-", "_")
            if name in keys:
                raise click.UsageError(f"{path}: {key}: {keys[name]} gives the same option")
            if name not in arguments:
                try:
                    check_names(command, [name], (*REFUSED, *others))
                except TypeError as error:
                    raise click.UsageError(f"{path}: {key}{str(error).removeprefix(name)}") from None
            keys[name], values[name] = key, value
        return cls(path, values, keys)

    def write_words(self, command: click.Command, typed: Collection[str]) -> tuple[list[str], list[str]]:
        """Return the words of the command line that mean the same.

        Args:
            command: the command.
            typed: names of the options that were typed, which come before those of the file.

        Returns:
            The target and the options; and `--` with the arguments of a script.

        Raises:
            click.UsageError: an option doesn't take such a value.
        """
        words: dict[bool, list[str]] = {False: [], True: []}
        for name, value in self.values.items():
            if name in typed:
                continue
            try:
                is_target = name == TARGET
                written = write_arguments(
                    command, value if is_target else None, {} if is_target else {name: value}
                )
            except TypeError as error:
                raise self._name(name, str(error).removeprefix(f"{name}: ")) from None
            words[name == SCRIPT_ARGS] += written
        return words[False], words[True]

    def locate(self, error: Exception, command: click.Command) -> click.UsageError | None:
        """Return an error that names the file and the key; None where no option of the file is wrong.

        Args:
            error: error of the command line that the file was written into.
            command: the command.
        """
        message = error.message if isinstance(error, click.ClickException) else str(error)
        wrong = getattr(error, "param", None)
        for option in command.params:
            name = name_option(option)
            if name not in self.values:
                continue
            if option is wrong:
                return self._name(name, message)
            start = {TARGET: repr(self.values[name]), SCRIPT_ARGS: "-- "}.get(name, f"{option.opts[0]}: ")
            if wrong is None and message.startswith(start):
                return self._name(name, message if name == TARGET else message.removeprefix(start))
        return None

    def _name(self, name: str, message: str) -> click.UsageError:
        return click.UsageError(f"{self.path}: {self.keys[name]}: {message}")


def _read_toml(path: Path) -> dict[str, Any]:
    try:
        # Some editors begin a file with a byte order mark.
        values: dict[str, Any] = tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except UnicodeDecodeError as error:
        raise click.UsageError(f"{path} is not in UTF-8: {error}") from None
    except tomllib.TOMLDecodeError as error:
        raise click.UsageError(f"{path} is no TOML file: {error}") from None
    except OSError as error:
        meant = f"; did you mean {path / CONFIG}?" if (path / CONFIG).is_file() else ""
        raise click.UsageError(f"--config: {path} can't be read: {error.strerror}{meant}") from None
    return values
