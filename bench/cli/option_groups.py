"""The options of `python -m bench.sweep`, group by group."""

from __future__ import annotations

from pathlib import Path

import click

from bench.cli import option_values
from bench.cli.command_line import list_of
from bench.plan.request import PRESETS
from bench.trial.trial import MAX_EPOCHS
from loaders.registry import all_knobs, families
from loaders.spec.knobs import Choice, Integer, Switch
from model.losses import ALLOWED_LOSSES, parse_loss
from model.train_step import STEPS

THREADS = Integer(1, 1024, optional=True)
BLOCKS = 3
EPOCHS, STEADY_S = 2, 0.02
# With what comes before and after the measuring, the main job ends within two minutes.
QUICK_BUDGET_S = 95.0
PRECISION_BUDGET_S = 300.0
AA_PAIRS = 40


def data_options() -> list[click.Option]:
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


def knob_options() -> list[click.Option]:
    return [
        click.Option(
            [f"--{name.replace('_', '-')}", name],
            metavar="LIST",
            callback=list_of(knob.kind.parse, knob.kind.allowed),
            help=f"{knob.help[0].upper()}{knob.help[1:]}. Each: {knob.kind.allowed}.",
        )
        for name, knob in all_knobs().items()
    ]


def consumer_options() -> list[click.Option]:
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
            default="analytic",
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
            help="Replay the analytic step as CUDA graphs, which takes hardly any time of the host. Each: "
            f"{switch.allowed}.",
        ),
        click.Option(
            ["--learning-rate"],
            metavar="NUMBER",
            callback=option_values.positive,
            help="Learning rate of the step. Default: the loss's own.",
        ),
    ]


def repetition_options() -> list[click.Option]:
    return [
        click.Option(
            ["--epochs"],
            type=click.IntRange(1, 10_000),
            help="Epochs in each process: the first is cold, those after it are steady. Default: "
            f"{EPOCHS}, and more of short ones, until the steady ones have lasted {STEADY_S:g} s "
            f"({MAX_EPOCHS} at most).",
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


def output_options() -> list[click.Option]:
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
