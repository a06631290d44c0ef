"""The command line of `python -m bench.sweep`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import click

from bench.cli.grouped_command import GroupedCommand
from bench.cli.make_options import make_options
from bench.cli.option_groups import make_option_groups, target_parameters
from bench.cli.resumed_command import restore_values
from bench.plan.sweep_options import SweepOptions

HELP = (
    "Measure data loaders: each configuration feeds the same training step for full epochs. Prints which one "
    "to use and a ranked table, and leaves runs.csv, summary.csv, environment.json and charts in a folder."
)
EXAMPLES = {
    "": "the tutorials' loader and its rivals, under two minutes",
    "--num-workers 0,2,4 --batch-size 64,256": "all combinations of these",
    "--family tensor_slice --precision 3%": "until the interval is that narrow",
    "--resume results/DIR": "go on with an interrupted sweep",
}


def make_sweep_command(function: Callable[[SweepOptions], int]) -> click.Command:
    """Make the command that runs a function with the options of a sweep.

    Args:
        function: runs the sweep and returns the exit code.
    """

    def run(**values: Any) -> int:
        if values["resume"] is not None:
            values = restore_values(click.get_current_context(), values)
        return function(make_options(values))

    return GroupedCommand(
        "sweep", run, make_option_groups(), help=HELP, examples=EXAMPLES, arguments=target_parameters()
    )
