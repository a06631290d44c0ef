"""The command line of `python -m bench.tune`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

import click

from bench.cli.config_text import write_config
from bench.cli.explain_target import read_loader_target
from bench.cli.grouped_command import ARGUMENTS, GroupedCommand
from bench.cli.make_options import make_options, resolve_values
from bench.cli.option_groups import target_parameters
from bench.cli.resumed_command import TUNE_PROGRAMS
from bench.cli.screen_options import make_screen
from bench.cli.tune_groups import LEFT_OUT, OTHER_WORK, make_tune_groups
from bench.plan.tune_options import TuneOptions
from bench.workloads.script.script_file import is_script
from bench.workloads.target.own_steps import name_length

T = TypeVar("T")
HELP = (
    "Find the fastest setting of a loader within a budget, say how sure that is, and measure its gain anew. "
    "TARGET is your loader, dataset or script, or a loader family of Fashion-MNIST. Without it: the "
    "tutorials' loader and its rivals. Knobs that change the training, such as the batch size, are varied "
    "only if their options are given."
)
EXAMPLES = {
    "train.py": "your own script, as it is",
    "train.py:train_loader --budget 3m": "your own DataLoader",
    "train.py:train_loader --memory-limit 8G --shm-limit 1G": "in less memory",
    "train.py:train_loader --num-workers 0,2,4,8": "only these numbers of workers",
    "train.py:train_loader --apply": "and write the setting into train.py",
    "": "the tutorials' loader of Fashion-MNIST, and its rivals",
}


def make_tune_command(function: Callable[[TuneOptions], T]) -> click.Command:
    """Make the command that runs a function with the options of a tuning.

    Args:
        function: makes the tuning. The command returns what it returns, such as the exit code.
    """

    def run(**given: Any) -> T:
        context = click.get_current_context()
        is_known = context.command_path.split() in TUNE_PROGRAMS
        program = context.command_path if is_known else " ".join(TUNE_PROGRAMS[0])
        _check_folder(given["target"])
        values = read_loader_target({**LEFT_OUT, "single": True, **given})
        if values["step"] and values["step_ms"]:
            raise click.UsageError(
                f"--step-ms: --step gives another step than {name_length(values['step_ms'])}, and "
                f"{OTHER_WORK}"
            )
        _check_apply(values)
        options = make_options(values)
        order = replace(
            options,
            program=program,
            arguments=context.meta[ARGUMENTS],
            config=write_config(command, program, resolve_values(values, options)),
            screen=make_screen(values),
        )
        return function(
            TuneOptions(
                order,
                regret=values["regret"],
                shm_limit=values["shm_limit"],
                exhaustive=values["exhaustive"],
                apply=values["apply"],
                assume_yes=values["assume_yes"],
            )
        )

    command = GroupedCommand(
        "tune", run, make_tune_groups(), help=HELP, examples=EXAMPLES, arguments=target_parameters()
    )
    return command


def _check_folder(target: str | None) -> None:
    """Check that a TARGET is no folder, which other commands take.

    Raises:
        click.UsageError: it is one.
    """
    if target is not None and Path(target).expanduser().is_dir():
        raise click.UsageError(
            f"{target!r} is a folder: a tuning is of a loader that can be run, such as FILE.py:NAME "
            "(bench.explain takes the results folder of a sweep)"
        )


def _check_apply(values: dict[str, Any]) -> None:
    """Check that there is a file that a setting can be written into, where that is asked for.

    Raises:
        click.UsageError: there is none.
    """
    if values["assume_yes"] and not values["apply"]:
        raise click.UsageError("--yes: it answers the question of --apply, which isn't given")
    if not values["apply"]:
        return
    target: str | None = values["target"]
    if target is None:
        raise click.UsageError(
            "--apply: it changes the DataLoader call in a file, and no file is given: add FILE.py or "
            "FILE.py:NAME"
        )
    if not is_script(target) and not target.partition(":")[0].endswith(".py"):
        raise click.UsageError(
            f"--apply: it changes the DataLoader call in a file, and {target!r} names a module: give it as "
            "FILE.py:NAME"
        )
    if values["as_json"] and not values["assume_yes"]:
        raise click.UsageError("--apply: it asks before it writes, and --json prints no question: add --yes")
