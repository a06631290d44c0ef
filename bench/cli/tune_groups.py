"""The options of `python -m bench.tune`: those of a sweep that say what is measured, and its own."""

from __future__ import annotations

import click

from bench.cli import option_readers
from bench.cli.explain_groups import PLACES, select_options, take_one
from bench.cli.option_groups import (
    consumer_options,
    data_options,
    knob_options,
    output_options,
    repetition_options,
)
from bench.cli.screen_options import screen_options
from bench.plan.tune_options import BUDGET_S, REGRET

BOUNDS = ("budget_s", "timeout_s", "memory_limit", "seed")
# Options of the work itself. Configurations that do other work can't be compared.
SINGLE = ("device", "step", "loss")
OTHER_WORK = "a tuning compares loaders of the same work"
NAME = "tune"
# Help of options that mean something else than those of a sweep.
HELP = {
    "pick": "The DataLoader of a script to tune: its number or name. Default: the largest.",
    "batches": "End an epoch of the target after N batches. Default: chosen by the budget.",
    "family": "Loader families to choose from. Default: those that serve the data alike.",
    "num_threads": "Torch's threads in the training process. Default: several, if a step trains on the CPU.",
    "budget_s": "End within this time, as 90s, 5m or 1h.",
    "memory_limit": "Try nothing that needs more memory, as 8G, and end what takes more. Default: 80% of "
    "what is available.",
}
# Options of a sweep that a tuning decides itself, with the values that leave them out.
LEFT_OUT = {
    "preset": None,
    "precision": None,
    "aa_pairs": None,
    "resume": None,
    "resume_anyway": False,
    "dry_run": False,
    "blocks": None,
    "epochs": None,
}


def make_tune_groups() -> dict[str, list[click.Option]]:
    """Return the options of a tuning by the title of their group."""
    subject = [option for option in (*data_options(), *consumer_options()) if option.name not in LEFT_OUT]
    bounds = select_options(repetition_options(), BOUNDS)
    return {
        "What to tune (VALUE: a single one)": [_adapt(option) for option in subject],
        "The loader's knobs (LIST: the only values that are tried)": knob_options(),
        "How far": [*(_adapt(option) for option in bounds[:-1]), *search_options(), bounds[-1]],
        "What to do with the setting": setting_options(),
        "Files and screen": [
            *(_adapt(option) for option in select_options(output_options(), PLACES)),
            *screen_options("the tuning"),
        ],
    }


def search_options() -> list[click.Option]:
    """Return the options of how far the search goes."""
    return [
        click.Option(
            ["--shm-limit"],
            callback=option_readers.read_size,
            metavar="SIZE",
            help="Try nothing that needs more of /dev/shm, as 1G. Default: 80% of what is free.",
        ),
        click.Option(
            ["--regret"],
            default=f"{REGRET:.0%}",
            callback=option_readers.read_percent,
            metavar="PERCENT",
            help="Stop once the fastest is surely no more than this faster.",
        ),
        click.Option(
            ["--exhaustive"],
            is_flag=True,
            help="Measure the whole grid afterwards, and print what the tuning missed. Takes long.",
        ),
    ]


def setting_options() -> list[click.Option]:
    """Return the options of what is done with the setting that was found."""
    return [
        click.Option(
            ["--apply"],
            is_flag=True,
            help="Show how the DataLoader call in the TARGET's file changes, ask, and write it.",
        ),
        click.Option(
            ["--yes", "assume_yes"], is_flag=True, help="With --apply: write it without a question."
        ),
    ]


def _adapt(option: click.Option) -> click.Option:
    """Return an option of a sweep as a tuning has it."""
    name = option.name or ""
    option.help = HELP.get(name, option.help)
    if name == "num_threads":
        # Where it isn't given, several are tried.
        option.show_default = False
    if name == "budget_s":
        option.default = f"{BUDGET_S / 60:g}m"
    if name == "name":
        option.default = NAME
    return take_one(option, OTHER_WORK) if name in SINGLE else option
