"""The command line of `python -m bench.explain`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any, TypeVar

import click

from bench.cli.config_text import write_config
from bench.cli.explain_groups import BLOCKS, LEFT_OUT, make_explain_groups
from bench.cli.explain_target import read_target
from bench.cli.grouped_command import ARGUMENTS, GroupedCommand
from bench.cli.make_options import make_options, resolve_values
from bench.cli.option_groups import target_parameters
from bench.cli.resumed_command import EXPLAIN_PROGRAMS
from bench.cli.screen_options import make_screen
from bench.plan.explain_options import ExplainOptions
from bench.workloads.script.script_file import is_script

T = TypeVar("T")
HELP = (
    "Explain what bounds a training: where a sample's time goes, which changes help and by how much, and "
    "what is not worth changing. TARGET is your loader, dataset or script, a loader family of Fashion-MNIST, "
    "or the results folder of a sweep, whose baseline is measured again. Without it: the tutorials' loader."
)
EXAMPLES = {
    "train.py -- --epochs 1": "your own script, as it is",
    "train.py:train_loader --step-ms 12": "your own DataLoader, beside a step of 12 ms",
    "train.py:train_loader --num-workers 4": "this configuration of it",
    "train.py --verify": "make the changes too, and measure them",
    "tensor_slice": "a loader family of Fashion-MNIST",
    "results/DIR": "the baseline of a sweep",
}
# Only these steps can be replaced by one of another length.
NOT_CHECKED = {
    True: "a script has its own step: give its loader as FILE.py:NAME",
    False: "the step of Fashion-MNIST trains its model: give a TARGET of your own",
}


def make_explain_command(function: Callable[[ExplainOptions], T]) -> click.Command:
    """Make the command that runs a function with the options of an explanation.

    Args:
        function: makes the explanation. The command returns what it returns, such as the exit code.
    """

    def run(**given: Any) -> T:
        context = click.get_current_context()
        program = (
            context.command_path
            if context.command_path.split() in EXPLAIN_PROGRAMS
            else " ".join(EXPLAIN_PROGRAMS[0])
        )
        values = {**LEFT_OUT, "single": True, **given, "blocks": given["blocks"] or BLOCKS}
        values, folder = read_target(context, values)
        if values["step"] and values["step_ms"]:
            raise click.UsageError("--step-ms: --step gives another step, and one is explained")
        if values["check"]:
            _check_step(values["target"])
        options = make_options(values)
        resolved = resolve_values(values, options)
        if folder is not None:
            resolved["target"] = str(folder)
        order = replace(
            options,
            program=program,
            arguments=context.meta[ARGUMENTS],
            measured_again=folder,
            config=write_config(command, program, resolved),
            screen=make_screen(values),
        )
        return function(ExplainOptions(order, values["verify"], values["check"]))

    command = GroupedCommand(
        "explain", run, make_explain_groups(), help=HELP, examples=EXAMPLES, arguments=target_parameters()
    )
    return command


def _check_step(target: str | None) -> None:
    """Check that the step can be replaced by one of another length.

    Raises:
        click.UsageError: it can't.
    """
    if target is None or is_script(target):
        raise click.UsageError(f"--check: {NOT_CHECKED[target is not None]}")
