"""The options of `python -m bench.sweep`; those of the loader knobs come from the families themselves."""

from __future__ import annotations

import shlex
from collections.abc import Callable
from typing import Any

import click
from click.core import ParameterSource

from bench.analysis.statistics import FEWEST_BLOCKS
from bench.cli.option_groups import (
    BLOCKS,
    EPOCHS,
    PRECISION_BUDGET_S,
    QUICK_BUDGET_S,
    STEADY_S,
    consumer_options,
    data_options,
    knob_options,
    output_options,
    repetition_options,
)
from bench.cli.sweep_options import SweepOptions
from bench.plan.request import Request
from bench.plan.schedule import Schedule
from bench.records.errors import ResultsError
from bench.records.results_folder import ENVIRONMENT, read_environment
from loaders.registry import all_knobs

# What may be given beside --resume: where things lie and how long it may take, not what is measured.
BESIDE_RESUME = (
    "resume", "resume_anyway", "data_dir", "mirror", "budget_s", "timeout_s", "memory_limit", "dry_run",
)  # fmt: skip


def make_sweep_command(function: Callable[[SweepOptions], int]) -> click.Command:
    """The command line that calls `function` with what was asked for."""
    knobs = all_knobs()

    def callback(**values: Any) -> int:
        if values["resume"] is not None:
            values = _resume_values(click.get_current_context(), values)
        elif values["resume_anyway"]:
            raise click.UsageError("--resume-anyway: there is no --resume that it could be for")
        given = {name: values.pop(name) for name in knobs}
        request = Request(
            knobs={name: value for name, value in given.items() if value is not None},
            **{
                name: values.pop(name)
                for name in (
                    "family",
                    "preset",
                    "device",
                    "step",
                    "loss",
                    "num_threads",
                    "cuda_graph",
                    "aa_pairs",
                )
            },
        )
        blocks, epochs, seed, precision, learning_rate = (
            values.pop(name) for name in ("blocks", "epochs", "seed", "precision", "learning_rate")
        )
        if request.aa_pairs and precision:
            raise click.UsageError("--precision: an A/A check has a fixed number of --blocks")
        if request.aa_pairs and blocks is not None and blocks < FEWEST_BLOCKS:
            raise click.UsageError(f"--blocks: {blocks} give no interval, an A/A check needs {FEWEST_BLOCKS}")
        if values["budget_s"] is None:
            if precision is not None:
                values["budget_s"] = PRECISION_BUDGET_S
            elif blocks is None and request.effective_preset == "quick":
                values["budget_s"] = QUICK_BUDGET_S
        # An epoch of some milliseconds says little alone.
        steady_s = 0.0 if epochs else STEADY_S
        course = Schedule(blocks or BLOCKS, epochs or EPOCHS, seed, precision, learning_rate, steady_s)
        return function(SweepOptions(request=request, course=course, **values))

    return click.Command(
        "sweep",
        callback=callback,
        params=[
            *data_options(),
            *knob_options(),
            *consumer_options(),
            *repetition_options(),
            *output_options(),
        ],
        help=(
            "Measure data loaders: each configuration feeds the same training step for full epochs. Prints a "
            "ranked table and leaves runs.csv, summary.csv, environment.json and charts in a folder. Options "
            "that take a list take values separated by commas."
        ),
        context_settings={
            "help_option_names": ["-h", "--help"],
            "max_content_width": 100,
            "show_default": True,
        },
    )


def _resume_values(context: click.Context, values: dict[str, Any]) -> dict[str, Any]:
    """The options of the sweep that is resumed, and what of these stands beside --resume."""
    sources = {name: context.get_parameter_source(name) for name in values}
    given = [name for name, source in sources.items() if source is ParameterSource.COMMANDLINE]
    for parameter in context.command.params:
        if parameter.name in given and parameter.name not in BESIDE_RESUME:
            allowed = ", ".join(
                option.opts[0] for option in context.command.params if option.name in BESIDE_RESUME[1:]
            )
            raise click.UsageError(
                f"{parameter.opts[0]}: what a resumed sweep measures is on file; beside --resume go {allowed}"
            )
    command = read_environment(values["resume"]).get("command")
    try:
        program, arguments = shlex.split(str(command))[:3], shlex.split(str(command))[3:]
    except ValueError:
        program, arguments = [], []
    if program != ["python", "-m", "bench.sweep"]:
        raise ResultsError(f"{values['resume'] / ENVIRONMENT} holds no command of a sweep: {command!r}")
    # The same command without its function: it is only asked what it understands.
    first = context.command.make_context(context.info_name, arguments).params
    return {**first, **{name: values[name] for name in given}}
