"""The words of a configuration file, put into the command line that names it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import click

from bench.cli.config_file import SCRIPT_ARGS, TARGET, ConfigFile
from bench.cli.python_options import name_option
from bench.cli.user_path import UserPath
from bench.plan.plan import PlanError

FLAG, END = "--config", "--"
# Key of a context's `meta`.
FILE = f"{__name__}.file"


def config_option() -> click.Option:
    """Return the option that names a configuration file."""
    return click.Option(
        [FLAG],
        type=UserPath(),
        metavar="FILE",
        # Its words stand in the command line when options are read.
        expose_value=False,
        help="Read options from a TOML file; those that are typed win.",
    )


def insert_config(command: click.Command, context: click.Context, words: Sequence[str]) -> list[str]:
    """Return the words of a command line with those of the file that it names, in place of the file.

    Args:
        command: the command.
        context: its context, which keeps the file for `name_config`.
        words: words after the command's name.

    Raises:
        click.UsageError: the file can't be used, or the command line can't be parsed.
    """
    typed, _, _ = command.make_parser(context).parse_args(args=[*words])
    options = {one.name: one for one in command.params if one.name in typed}
    if "config" not in options or typed.get("help"):
        return [*words]
    path = options["config"].type.convert(typed["config"], options["config"], context)
    file = ConfigFile.read(path, command)
    context.meta[FILE] = file
    place = words.index(END) if END in words else len(words)
    names = {name_option(one) for one in options.values() if isinstance(one, click.Option)}
    # Names of parameters that are typed win one by one.
    names.discard("param")
    names.update([TARGET] if isinstance(typed.get(TARGET), str) else [])
    names.update([SCRIPT_ARGS] if END in words else [])
    first, last = file.write_words(command, names)
    return [*first, *_remove_flag(words[:place]), *(words[place:] or last)]


@contextmanager
def name_config(command: click.Command, context: click.Context) -> Iterator[None]:
    """Let errors of options that came from a file name the file and the key.

    Args:
        command: the command.
        context: its context, which `insert_config` has seen.
    """
    try:
        yield
    except (click.UsageError, PlanError) as error:
        file: ConfigFile | None = context.meta.get(FILE)
        located = None if file is None else file.locate(error, command)
        if located is None:
            raise
        raise located from None


def _remove_flag(words: Sequence[str]) -> list[str]:
    """Return words without `--config FILE` and `--config=FILE`."""
    kept: list[str] = []
    is_path = False
    for word in words:
        if not is_path and word != FLAG and not word.startswith(f"{FLAG}="):
            kept.append(word)
        is_path = word == FLAG and not is_path
    return kept
