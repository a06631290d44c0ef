"""The options of `python -m bench.sweep`, group by group. docs/cli.md explains each at length."""

from __future__ import annotations

import click

from bench.cli import option_readers
from bench.cli.config_words import config_option
from bench.cli.option_readers import make_list_reader, make_reader
from bench.cli.screen_options import screen_options
from bench.cli.script_args import read_script_args
from bench.cli.user_path import UserPath
from bench.plan.request import PRESETS
from bench.text import capitalise
from bench.trial.trial import MAX_EPOCHS
from bench.workloads.target.target import FORMS
from loaders.registry import all_knobs, families, find_problems, own_families
from loaders.spec.knobs import Choice, Integer, Knob, Switch
from model.losses import ALLOWED_LOSSES, LOSSES, parse_loss
from model.step_spec import STEPS

THREADS = Integer(1, 1024, optional=True)
COUNT = Integer(1, 10_000)
BLOCKS = 3
EPOCHS, STEADY_S = 2, 0.02
# With the work before and after its trials, a quick sweep ends within two minutes.
QUICK_BUDGET_S = 95.0
PRECISION_BUDGET_S = 300.0
AA_PAIRS = 40


def make_option_groups() -> dict[str, list[click.Option]]:
    """Return the options of a sweep by the title of their group."""
    return {
        "What to measure": [*data_options(), *consumer_options()],
        "The loader's knobs (LIST: values separated by commas)": knob_options(),
        "How often": repetition_options(),
        "Files and screen": [*output_options(), *screen_options("the answer")],
    }


def target_parameters() -> list[click.Parameter]:
    """Return the arguments that name a user's own loader, dataset or script, and a script's arguments."""
    return [
        click.Argument(["target"], required=False, metavar="[TARGET]"),
        click.Argument(
            ["script_args"],
            nargs=-1,
            required=False,
            type=click.UNPROCESSED,
            metavar="[-- ARGS]",
            callback=read_script_args,
        ),
    ]


def data_options() -> list[click.Option]:
    """Return the options of data and configurations."""
    known = Choice((*families(), *own_families()))
    return [
        click.Option(
            ["--param", "params"],
            multiple=True,
            metavar="NAME=LIST",
            callback=option_readers.read_params,
            help="Values of a parameter of the target's function.",
        ),
        click.Option(
            ["--batches"],
            metavar="N",
            callback=make_reader(COUNT),
            help="End an epoch of the target after N batches.",
        ),
        click.Option(
            ["--pick"],
            metavar="NAME",
            help="The DataLoader of a script to vary: its number or name. Default: the largest.",
        ),
        click.Option(
            ["--dataset"],
            default="auto",
            metavar="NAME",
            help="auto, fashion-mnist, synthetic or synthetic:N samples.",
        ),
        click.Option(
            ["--data-dir"], type=UserPath(), default="data", metavar="DIR", help="Folder of the data."
        ),
        click.Option(
            ["--mirror"],
            metavar="URL",
            callback=option_readers.read_url,
            help="Folder to download the four .gz files from.",
        ),
        click.Option(
            ["--family"],
            metavar="LIST",
            callback=make_list_reader(_parse_family, known.allowed, known.options),
            help=f"Loader families: {', '.join(families())}; with a target {', '.join(own_families())}.",
        ),
        click.Option(
            ["--preset"],
            type=click.Choice(PRESETS),
            help="quick: one knob at a time. full: all combinations. Default: quick without knobs.",
        ),
    ]


def consumer_options() -> list[click.Option]:
    """Return the options of the training that consumes the batches."""
    device, step, switch = Choice(("auto", "cpu", "cuda")), Choice(STEPS), Switch()
    return [
        click.Option(
            ["--device"],
            metavar="LIST",
            default="auto",
            callback=make_list_reader(device.parse, device.allowed, device.options),
            help="Where the step runs: auto, cpu or cuda.",
        ),
        click.Option(
            ["--step"],
            metavar="LIST",
            callback=make_list_reader(_parse_step, f"{step.allowed} or {FORMS}", STEPS),
            help=f"Train step: {step.allowed} (the loader alone). Of a target: none or {FORMS}, a function "
            "that returns what takes a batch.",
        ),
        click.Option(
            ["--step-ms"],
            metavar="NUMBER",
            callback=option_readers.read_positive,
            help="With a target: a step that takes so long, as one on a GPU does.",
        ),
        click.Option(
            ["--loss"],
            metavar="LIST",
            default="cross_entropy",
            callback=make_list_reader(_parse_loss, ALLOWED_LOSSES, LOSSES),
            help=f"Loss: {ALLOWED_LOSSES}.",
        ),
        click.Option(
            ["--num-threads"],
            metavar="LIST",
            default="none",
            callback=make_list_reader(THREADS.parse, THREADS.allowed),
            help="Torch's threads in the training process; none: torch's default.",
        ),
        click.Option(
            ["--cuda-graph"],
            is_flag=False,
            flag_value="on",
            metavar="[LIST]",
            callback=make_list_reader(switch.parse, switch.allowed),
            help="Replay the analytic step as CUDA graphs: on or off.",
        ),
        click.Option(
            ["--learning-rate"],
            metavar="NUMBER",
            callback=option_readers.read_positive,
            help="Learning rate of the step. Default: the loss's own.",
        ),
    ]


def knob_options() -> list[click.Option]:
    """Return one option for each knob that a family declares."""
    return [
        click.Option(
            [f"--{name.replace('_', '-')}", name],
            metavar="LIST",
            callback=make_list_reader(knob.kind.parse, knob.kind.allowed, getattr(knob.kind, "options", ())),
            help=_shorten_help(knob),
        )
        for name, knob in all_knobs().items()
    ]


def _shorten_help(knob: Knob) -> str:
    """Return the first part of a knob's help, with the allowed words."""
    first = knob.help.partition(";")[0].partition(":")[0]
    words = f": {knob.kind.allowed}" if isinstance(knob.kind, Choice | Switch) else ""
    return f"{capitalise(first)}{words}."


def repetition_options() -> list[click.Option]:
    """Return the options of repetitions and their bounds."""
    return [
        click.Option(
            ["--blocks"],
            metavar="N",
            callback=make_reader(COUNT),
            help=f"Times that every configuration is measured, in fresh processes. Default: {BLOCKS}.",
        ),
        click.Option(
            ["--epochs"],
            metavar="N",
            callback=make_reader(COUNT),
            help=f"Epochs in each process. Default: {EPOCHS}; up to {MAX_EPOCHS} where they are short.",
        ),
        click.Option(
            ["--precision"],
            metavar="PERCENT",
            callback=option_readers.read_percent,
            help="Go on with the fastest until their intervals are that narrow, as 3%.",
        ),
        click.Option(
            ["--budget", "budget_s"],
            callback=option_readers.read_duration,
            metavar="TIME",
            help=f"Start no trial that would end later, as 90s, 5m or 1h. Default: {QUICK_BUDGET_S:g}s for "
            f"quick, {PRECISION_BUDGET_S / 60:g}m with --precision, else none.",
        ),
        click.Option(
            ["--timeout", "timeout_s"],
            default="5m",
            callback=option_readers.read_duration,
            metavar="TIME",
            help="End a trial that takes longer.",
        ),
        click.Option(
            ["--memory-limit"],
            callback=option_readers.read_size,
            metavar="SIZE",
            help="End a trial whose processes hold more, as 4G or 512M.",
        ),
        click.Option(
            ["--aa", "aa_pairs"],
            is_flag=False,
            flag_value=str(AA_PAIRS),
            metavar="[PAIRS]",
            callback=make_reader(COUNT),
            help="Check the harness: compare each configuration with itself.",
        ),
        click.Option(
            ["--seed"],
            default="0",
            metavar="N",
            callback=make_reader(Integer(0, 2**31 - 1)),
            help="Decides every random order.",
        ),
    ]


def output_options() -> list[click.Option]:
    """Return the options of files."""
    return [
        config_option(),
        click.Option(
            ["--out"],
            type=UserPath(),
            metavar="DIR",
            help="Folder of the results, new or empty. Default: results/<UTC time>-<name>.",
        ),
        click.Option(
            ["--name"],
            default="local",
            metavar="NAME",
            callback=option_readers.read_name,
            help="Name of the results.",
        ),
        click.Option(
            ["--resume"],
            type=UserPath(),
            metavar="DIR",
            help="Go on with the sweep that was interrupted in DIR, by its own command.",
        ),
        click.Option(
            ["--resume-anyway"],
            is_flag=True,
            help="With --resume: also on another machine or with other versions; rows are marked.",
        ),
        click.Option(["--dry-run"], is_flag=True, help="Print the plan and its duration; measure nothing."),
    ]


def _parse_family(text: str) -> str:
    # Of another package, it may be known and unusable.
    if (problem := find_problems().get(text.lower())) is not None:
        raise click.UsageError(f"--family: {problem}")
    return str(Choice((*families(), *own_families())).parse(text))


def _parse_step(text: str) -> str:
    return text if ":" in text else str(Choice(STEPS).parse(text))


def _parse_loss(text: str) -> str:
    return parse_loss(text).name
