"""The options of `python -m bench.sweep`; those of the loader knobs come from the families themselves."""

from __future__ import annotations

import shlex
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click
from click.core import ParameterSource

from bench import option_values
from bench.blocks import Course
from bench.command_line import list_of
from bench.grid import PRESETS, Request
from bench.results import ENVIRONMENT, read_environment
from bench.runs_file import ResultsError
from bench.statistics import FEWEST_BLOCKS
from bench.trial import MOST_EPOCHS
from loaders.knobs import Choice, Integer, Switch
from loaders.registry import all_knobs, families
from model.losses import ALLOWED_LOSSES, parse_loss
from model.train_step import STEPS

THREADS = Integer(1, 1024, optional=True)
BLOCKS = 3
EPOCHS, STEADY_S = 2, 0.02
# With what comes before and after the measuring, the main job ends within two minutes.
QUICK_BUDGET_S = 95.0
PRECISION_BUDGET_S = 300.0
AA_PAIRS = 40


# What may be given beside --resume: where things lie and how long it may take, not what is measured.
BESIDE_RESUME = (
    "resume", "resume_anyway", "data_dir", "mirror", "budget_s", "timeout_s", "memory_limit", "dry_run",
)  # fmt: skip


@dataclass(frozen=True)
class Options:
    """What one sweep was asked for.

    memory_limit: of each trial, in bytes. resume: the folder of the sweep to go on with, whose own command
    the rest is from. resume_anyway: also where the machine or versions are others.
    """

    request: Request
    dataset: str
    data_dir: Path
    mirror: str | None
    course: Course
    budget_s: float | None
    timeout_s: float
    memory_limit: int | None
    out: Path | None
    name: str
    dry_run: bool
    resume: Path | None = None
    resume_anyway: bool = False


def sweep_command(function: Callable[[Options], int]) -> click.Command:
    """The command line that calls `function` with what was asked for."""
    knobs = all_knobs()

    def callback(**values: Any) -> int:
        if values["resume"] is not None:
            values = _resumed(click.get_current_context(), values)
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
        course = Course(blocks or BLOCKS, epochs or EPOCHS, seed, precision, learning_rate, steady_s)
        return function(Options(request=request, course=course, **values))

    return click.Command(
        "sweep",
        callback=callback,
        params=[*_what(), *_knobs(), *_consumer(), *_how(), *_where()],
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


def _resumed(context: click.Context, values: dict[str, Any]) -> dict[str, Any]:
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


def _what() -> list[click.Option]:
    known = Choice(tuple(families()))
    return [
        click.Option(
            ["--dataset"],
            default="auto",
            metavar="NAME",
            help="auto (files under --data-dir, else download, else synthetic), fashion-mnist, synthetic or "
            "synthetic:N.",
        ),
        click.Option(
            ["--data-dir"], type=click.Path(path_type=Path), default=Path("data"), help="Folder of the data."
        ),
        click.Option(
            ["--mirror"],
            metavar="URL",
            callback=option_values.url,
            help="Folder to download the four .gz files from.",
        ),
        click.Option(
            ["--family"],
            metavar="LIST",
            callback=list_of(known.parse, known.allowed),
            help=f"Loader families: {', '.join(families())}. Default: with a preset all of them but "
            "image_folder (quick varies torch_dataloader and runs the others once), else torch_dataloader.",
        ),
        click.Option(
            ["--preset"],
            type=click.Choice(PRESETS),
            help="quick varies one knob at a time around the tutorials' configuration, full is the "
            "factorial. Default: quick, or, if any knob below is given, the factorial of those given.",
        ),
    ]


def _knobs() -> list[click.Option]:
    return [
        click.Option(
            [f"--{name.replace('_', '-')}", name],
            metavar="LIST",
            callback=list_of(knob.kind.parse, knob.kind.allowed),
            help=f"{knob.help[0].upper()}{knob.help[1:]}. Each: {knob.kind.allowed}.",
        )
        for name, knob in all_knobs().items()
    ]


def _consumer() -> list[click.Option]:
    device, step, switch = Choice(("auto", "cpu", "cuda")), Choice(STEPS), Switch()
    return [
        click.Option(
            ["--device"],
            metavar="LIST",
            default="auto",
            callback=list_of(device.parse, device.allowed),
            help=f"Where the step runs. Each: {device.allowed}.",
        ),
        click.Option(
            ["--step"],
            metavar="LIST",
            default="closed_form",
            callback=list_of(step.parse, step.allowed),
            help=f"Train step; none times the loader alone. Each: {step.allowed}.",
        ),
        click.Option(
            ["--loss"],
            metavar="LIST",
            default="cross_entropy",
            callback=list_of(_loss, ALLOWED_LOSSES),
            help=f"Loss. Each: {ALLOWED_LOSSES}.",
        ),
        click.Option(
            ["--num-threads"],
            metavar="LIST",
            default="none",
            callback=list_of(THREADS.parse, THREADS.allowed),
            help="Torch's threads in the training process; none is torch's default.",
        ),
        click.Option(
            ["--cuda-graph"],
            is_flag=False,
            flag_value="on",
            default="off",
            metavar="[LIST]",
            callback=list_of(switch.parse, switch.allowed),
            help="Replay the closed_form step as CUDA graphs, which takes hardly any time of the host. Each: "
            f"{switch.allowed}.",
        ),
        click.Option(
            ["--learning-rate"],
            metavar="NUMBER",
            callback=option_values.positive,
            help="Learning rate of the step. Default: the loss's own.",
        ),
    ]


def _how() -> list[click.Option]:
    return [
        click.Option(
            ["--epochs"],
            type=click.IntRange(1, 10_000),
            help="Epochs in each process: the first is cold, those after it are steady. Default: "
            f"{EPOCHS}, and more of short ones, until the steady ones have lasted {STEADY_S:g} s "
            f"({MOST_EPOCHS} at most).",
        ),
        click.Option(
            ["--blocks"],
            type=click.IntRange(1, 10_000),
            help=f"Times that every configuration is measured, each in a fresh process. Default: {BLOCKS}.",
        ),
        click.Option(
            ["--precision"],
            metavar="PERCENT",
            callback=option_values.percent,
            help="For example 3%: after the blocks, go on with those that may be the fastest until the 95% "
            "interval of their ratio to the fastest is that narrow to each side, or the budget ends.",
        ),
        click.Option(
            ["--budget", "budget_s"],
            callback=option_values.duration,
            metavar="TIME",
            help="For example 90s, 5m or 1h: start no trial that would end later than this; the first block "
            "is always completed, and the time of trials that fail isn't counted. Default: "
            f"{QUICK_BUDGET_S:g}s with the quick preset unless --blocks is given, "
            f"{PRECISION_BUDGET_S / 60:g}m with --precision, else none.",
        ),
        click.Option(
            ["--aa", "aa_pairs"],
            is_flag=False,
            flag_value=str(AA_PAIRS),
            metavar="[PAIRS]",
            callback=option_values.pairs,
            help=f"A/A check: measure each configuration {AA_PAIRS} times (or so often as given) under two "
            "names, and report how often a difference is claimed where there is none.",
        ),
        click.Option(
            ["--seed"], type=click.IntRange(0, 2**31 - 1), default=0, help="Decides every random order."
        ),
        click.Option(
            ["--timeout", "timeout_s"],
            default="5m",
            callback=option_values.duration,
            metavar="TIME",
            help="For one configuration in one block; past it, its process is ended.",
        ),
        click.Option(
            ["--memory-limit"],
            callback=option_values.size,
            metavar="SIZE",
            help="For example 4G or 512M: a configuration whose processes hold more together is ended (pages "
            "of files, which the system can take back, not counted). Default: none.",
        ),
    ]


def _where() -> list[click.Option]:
    return [
        click.Option(
            ["--out"],
            type=click.Path(path_type=Path),
            metavar="DIR",
            help="Folder of the results, new or empty. Default: results/<UTC time>-<name>.",
        ),
        click.Option(["--name"], default="local", callback=option_values.name, help="Name of the results."),
        click.Option(
            ["--resume"],
            type=click.Path(path_type=Path),
            metavar="DIR",
            help="Go on with a sweep that was broken off: run what is missing in this folder, by its own "
            "command, on the same data. Refused on another machine or with other versions.",
        ),
        click.Option(
            ["--resume-anyway"],
            is_flag=True,
            help="With --resume: go on all the same, and mark the rows (resumed_with).",
        ),
        click.Option(
            ["--dry-run"], is_flag=True, help="Print the plan and about how long it takes; run nothing."
        ),
    ]


def _loss(text: str) -> str:
    return parse_loss(text).name
