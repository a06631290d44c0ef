"""The part that all commands share: one line for an error, and the exit codes."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

import click

from bench.process import interrupts
from bench.process.failed_start import end_start
from bench.records.errors import StorageError
from bench.report.output import complain, prepare_streams

FAILED, USAGE = 1, 2


def run_command(
    command: click.Command,
    *,
    user_errors: tuple[type[Exception], ...],
    arguments: Sequence[str] | None = None,
    program: str | None = None,
) -> NoReturn:
    """Run a command and leave with its exit code.

    Args:
        command: command to run. Its function returns the exit code.
        user_errors: exceptions that tell the user of bad input, data or folders. Like click's own they become
            one line on standard error and exit code 2.
        arguments: arguments of the command; None for those of this process.
        program: name of the command in help and errors; None for the one that was typed.
    """
    end_start()
    prepare_streams()
    interrupts.install()
    try:
        code = command.main(args=arguments, prog_name=program or name_program(), standalone_mode=False)
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


def name_program() -> str:
    """Return the command as it was typed: `python -m bench.sweep`, or the name of an installed script."""
    spec = getattr(sys.modules["__main__"], "__spec__", None)
    return f"python -m {spec.name}" if spec is not None else Path(sys.argv[0]).stem
