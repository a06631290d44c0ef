"""The command line of `python -m bench.sweep`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any, TypeVar

import click

from bench.cli.config_text import write_config
from bench.cli.grouped_command import ARGUMENTS, GroupedCommand
from bench.cli.make_options import make_options, resolve_values
from bench.cli.option_groups import make_option_groups, target_parameters
from bench.cli.resumed_command import PROGRAMS, restore_values
from bench.cli.screen_options import make_screen
from bench.plan.sweep_options import SweepOptions

T = TypeVar("T")
HELP = (
    "Measure data loaders: each configuration feeds the same training step for full epochs. Prints which one "
    "to use and a ranked table, and leaves runs.csv, summary.csv, environment.json and charts in a folder."
)
EXAMPLES = {
    "": "the tutorials' loader and its rivals, under two minutes",
    "--num-workers 0,2,4 --batch-size 64,256": "all combinations of these",
    "train.py:train_loader --num-workers 0,2,4": "your own DataLoader",
    "train.py --num-workers 0,2,4 -- --epochs 1": "your own script, as it is",
    "--family tensor_slice --precision 3%": "until the interval is that narrow",
    "--resume results/DIR": "go on with an interrupted sweep",
}


def make_sweep_command(function: Callable[[SweepOptions], T]) -> click.Command:
    """Make the command that runs a function with the options of a sweep.

    Args:
        function: runs the sweep. The command returns what it returns, such as the exit code.
    """

    def run(**values: Any) -> T:
        context = click.get_current_context()
        arguments = context.meta[ARGUMENTS]
        # A program that runs this command as a part of itself can't resume the sweep.
        program = context.command_path if context.command_path.split() in PROGRAMS else " ".join(PROGRAMS[0])
        if values["resume"] is not None:
            values = restore_values(context, values)
        options = make_options(values)
        return function(
            replace(
                options,
                program=program,
                arguments=arguments,
                config=write_config(command, program, resolve_values(values, options)),
                screen=make_screen(values),
            )
        )

    command = GroupedCommand(
        "sweep", run, make_option_groups(), help=HELP, examples=EXAMPLES, arguments=target_parameters()
    )
    return command
