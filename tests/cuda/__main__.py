"""Run the tests, validations, benchmarks and sweeps that need a GPU, each in a time of its own.

`python -m tests.cuda` in the checkout exits with 0 if all parts passed. It needs no network and installs
nothing. `--rehearse` tries the parts without a GPU.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NoReturn

import click

from bench.cli.command_line import run_command
from bench.cli.option_readers import make_list_reader
from bench.cli.user_path import UserPath
from bench.process.errors import ProcessError
from bench.process.watchdog import start_watchdog
from bench.records import results_folder
from bench.records.errors import ResultsError
from bench.text import format_duration, suggest
from tests.cuda.machine import MachineError, look_at_machine, make_environment
from tests.cuda.part import Part
from tests.cuda.parts import BY_NAME, PARTS, list_chosen
from tests.cuda.session import Session

HELP = (
    "Run the tests, validations, benchmarks and sweeps that need a GPU. Each part has a time bound and a "
    "folder of its own; a summary says what passed. Exit 1 if a part did not pass."
)
LONGEST_S = 3600


def _parse_part(name: str) -> str:
    if name not in BY_NAME:
        raise ValueError(name)
    return name


def _read_bounds(_context: click.Context, option: click.Parameter, text: str | None) -> dict[str, float]:
    """Return the seconds of each part that a text such as `tests=240,sweep=60` names."""
    bounds = {}
    for word in text.split(",") if text is not None else ():
        name, _, number = word.strip().partition("=")
        if name not in BY_NAME:
            raise click.UsageError(
                f"{option.opts[0]}: {name!r} is not one of {', '.join(BY_NAME)}{suggest(name, BY_NAME)}"
            )
        if not number.isdecimal() or not 1 <= int(number) <= LONGEST_S:
            raise click.UsageError(
                f"{option.opts[0]}: {word.strip()!r} is not a part with seconds from 1 to {LONGEST_S}, "
                f"as {name}=90"
            )
        bounds[name] = float(number)
    return bounds


def _read_archive(_context: click.Context, option: click.Parameter, path: Path | None) -> Path | None:
    """Return the path of an archive in a folder that exists."""
    if path is not None and (not path.name.endswith(".tar.gz") or not path.parent.is_dir()):
        raise click.UsageError(
            f"{option.opts[0]}: {str(path)!r} is not a file .tar.gz in a folder that exists"
        )
    return path


@click.command(help=HELP)
@click.option(
    "--only",
    metavar="LIST",
    callback=make_list_reader(_parse_part, f"one of {', '.join(BY_NAME)}", BY_NAME),
    help="Run only these parts.",
)
@click.option("--list", "is_listed", is_flag=True, help="Print the parts with their bounds, and run none.")
@click.option(
    "--bound",
    "bounds",
    metavar="LIST",
    callback=_read_bounds,
    help="Seconds of parts, as tests=240,sweep=60.",
)
@click.option("--rehearse", is_flag=True, help="Try the parts without a GPU: small, on the CPU.")
@click.option(
    "--out",
    type=UserPath(),
    metavar="DIR",
    help="New folder of all files. Default: results/<UTC time>-cuda-local.",
)
@click.option(
    "--archive",
    type=UserPath(),
    metavar="FILE",
    callback=_read_archive,
    help="Write the folder into this .tar.gz after each part.",
)
def command(
    only: tuple[str, ...] | None,
    is_listed: bool,
    bounds: Mapping[str, float],
    rehearse: bool,
    out: Path | None,
    archive: Path | None,
) -> int:
    """Run the command line."""
    if is_listed:
        _print_parts(PARTS if only is None else list_chosen(only), bounds)
        return 0
    # The variables that the parts get name it, so that it ends them if this process is killed.
    start_watchdog()
    environment = make_environment(rehearsal=rehearse)
    machine = look_at_machine(environment)
    if machine["gpu"] is None and not rehearse:
        raise MachineError("torch finds no CUDA device here; --rehearse tries the parts without one")
    folder = results_folder.name_folder(out, "cuda-local").absolute()
    results_folder.make_folder(folder)
    session = Session(folder, machine, environment, rehearse, archive)
    return session.run(list_chosen(only), bounds)


def _print_parts(parts: Sequence[Part], bounds: Mapping[str, float]) -> None:
    """Print the parts with their bounds and purposes."""
    widest = max(len(part.name) for part in parts)
    for part in parts:
        note = "" if part.is_default else " (only if it is named)"
        bound_s = bounds.get(part.name, part.bound_s)
        click.echo(f"{part.name:{widest}}  {bound_s:4.0f} s  {part.purpose}{note}")
    total_s = sum(bounds.get(part.name, part.bound_s) for part in parts if part.is_default)
    click.echo(f"Together at most {format_duration(total_s)}")


def main() -> NoReturn:
    """Run `python -m tests.cuda`."""
    run_command(
        command, user_errors=(MachineError, ProcessError, ResultsError), program="python -m tests.cuda"
    )


if __name__ == "__main__":
    main()
