"""What the commands share: one line for what went wrong, and the exit codes."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NoReturn, TypeVar

import click

from bench.process import interrupts
from bench.records.errors import StorageError
from bench.text import printable

FAILED, USAGE = 1, 2

T = TypeVar("T")


def run_command(
    command: click.Command,
    *,
    user_errors: tuple[type[Exception], ...],
    arguments: Sequence[str] | None = None,
) -> NoReturn:
    """Run a command and leave with its exit code.

    user_errors: exceptions that are a word to the user (bad input, data, folders), like click's own: they
    become one line on standard error and exit code 2.
    """
    interrupts.install()
    try:
        code = command.main(args=arguments, prog_name=_program(), standalone_mode=False)
    except click.ClickException as error:
        fail(error.format_message())
    except user_errors as error:
        fail(str(error))
    except StorageError as error:
        complain(error)
        sys.exit(FAILED)
    except (click.Abort, KeyboardInterrupt):
        click.echo("Interrupted.", err=True)
        sys.exit(interrupts.INTERRUPTED)
    sys.exit(code)


def fail(message: str) -> NoReturn:
    """Print one line on standard error and leave with exit code 2."""
    complain(message)
    sys.exit(USAGE)


def complain(message: object) -> None:
    """Print one line on standard error, as far as that is possible."""
    with contextlib.suppress(OSError):
        click.echo(f"error: {printable(str(message))}", err=True)


def _program() -> str:
    """What was typed to get here: `python -m bench.sweep`, or the name of an installed command."""
    spec = getattr(sys.modules["__main__"], "__spec__", None)
    return f"python -m {spec.name}" if spec is not None else Path(sys.argv[0]).name


def list_of(parse: Callable[[str], T], allowed: str) -> Callable[..., tuple[T, ...] | None]:
    """An option's callback that reads values separated by commas; a value given twice counts once.

    parse: one value from its text; ValueError for what isn't allowed. allowed: what is, in words.
    """

    def values(_context: click.Context, option: click.Parameter, text: str | None) -> tuple[T, ...] | None:
        if text is None:
            return None
        found: dict[T, None] = {}
        for part in (part.strip() for part in text.split(",")):
            try:
                found[parse(part)] = None
            except ValueError:
                raise click.UsageError(
                    f"{option.opts[0]}: {part!r} is not {allowed} (several are separated by commas)"
                ) from None
        return tuple(found)

    return values
