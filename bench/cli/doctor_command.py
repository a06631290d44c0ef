"""The command line of `python -m bench.doctor`."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from bench.cli.user_path import UserPath
from bench.machine.requirements import LoaderSettings

HELP = (
    "Check the machine before anything is measured: cores, load, memory, /dev/shm, limits, folders, "
    "compiler, torch, torchvision and CUDA, held against what a DataLoader with these settings needs. Exit "
    "code 1 where a check fails; warnings don't count."
)


def make_doctor_command(function: Callable[..., int]) -> click.Command:
    """Make the command that runs a function with the options of the doctor.

    Args:
        function: called as `function(settings, data_dir=..., out=..., as_json=...)`. It returns the exit
            code.
    """

    def run(*, data_dir: Path, out: Path, as_json: bool, **settings: Any) -> int:
        return function(LoaderSettings(**settings), data_dir=data_dir, out=out, as_json=as_json)

    return click.Command(
        "doctor",
        callback=run,
        params=_make_options(),
        help=HELP,
        context_settings={
            "help_option_names": ["-h", "--help"],
            "max_content_width": 100,
            "show_default": True,
        },
    )


def _make_options() -> list[click.Parameter]:
    return [
        click.Option(
            ["--num-workers"],
            type=click.IntRange(0, 256),
            default=4,
            help="Worker processes that are to be measured.",
        ),
        click.Option(
            ["--batch-size"], type=click.IntRange(1, 100_000), default=256, help="Samples in a batch."
        ),
        click.Option(
            ["--prefetch-factor"],
            type=click.IntRange(1, 1024),
            default=2,
            help="Batches that each worker loads ahead.",
        ),
        click.Option(
            ["--resize"],
            type=click.IntRange(1, 1024),
            metavar="SIDE",
            help="Side in pixels that pictures are resized to. Default: 28, as they are.",
        ),
        click.Option(["--data-dir"], type=UserPath(), default=Path("data"), help="Folder of the data."),
        click.Option(["--out"], type=UserPath(), default=Path("results"), help="Folder of the results."),
        click.Option(["--json", "as_json"], is_flag=True, help="Print one JSON object."),
    ]
