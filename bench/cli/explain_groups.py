"""The options of `python -m bench.explain`: those of a sweep that say what is measured, one value each."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import click

from bench.cli.option_groups import (
    consumer_options,
    data_options,
    knob_options,
    output_options,
    repetition_options,
)
from bench.cli.screen_options import screen_options

# Fewer than five give wide intervals.
BLOCKS = 5
BOUNDS = ("blocks", "epochs", "budget_s", "timeout_s", "memory_limit", "seed")
PLACES = ("config", "out", "name")
# Help of options whose defaults are others than those of a sweep.
HELP = {
    "pick": "The DataLoader of a script to explain: its number or name. Default: the largest.",
    "batches": "End an epoch of the target after N batches. Default: about 3 s, and 8 batches a worker.",
    "blocks": f"Times that all is measured, in fresh processes. Default: {BLOCKS}.",
    "budget_s": "Shorten epochs to fit, and start no block that would end later, as 90s, 5m or 1h.",
}
# Words of a sweep's help that are about several values.
SINGULAR = {"Values of": "Value of", "Loader families:": "Loader family:"}
ONE_CONFIGURATION = "an explanation is of one configuration"
# Options of a sweep that make no sense for one configuration, with the values that leave them out.
LEFT_OUT = {
    "preset": None,
    "precision": None,
    "aa_pairs": None,
    "resume": None,
    "resume_anyway": False,
    "dry_run": False,
}


def make_explain_groups() -> dict[str, list[click.Option]]:
    """Return the options of an explanation by the title of their group."""
    subject = [option for option in (*data_options(), *consumer_options()) if option.name not in LEFT_OUT]
    return {
        "What to explain (VALUE: a single one)": [_adapt(option) for option in subject],
        "The loader's knobs (default: as they are)": [_adapt(option) for option in knob_options()],
        "How often": [_adapt(option) for option in select_options(repetition_options(), BOUNDS)],
        "What to do with the advice": advice_options(),
        "Files and screen": [*select_options(output_options(), PLACES), *screen_options("the explanation")],
    }


def list_subject_names() -> list[str]:
    """Return the names of the values that say what is measured, without the knobs."""
    found = (option.name for option in (*data_options(), *consumer_options()))
    names = [name for name in found if name is not None and name not in LEFT_OUT]
    return ["target", "script_args", *names, "seed"]


def advice_options() -> list[click.Option]:
    """Return the options of what is done with the advice."""
    return [
        click.Option(
            ["--verify"],
            is_flag=True,
            help="Make each change that is advised, and measure it beside the present configuration.",
        ),
        click.Option(
            ["--check"],
            is_flag=True,
            help="With a target: run steps as long as the break-even step times.",
        ),
    ]


def _adapt(option: click.Option) -> click.Option:
    """Return an option of a sweep as an explanation has it."""
    text = HELP.get(option.name or "", option.help or "")
    for several, one in SINGULAR.items():
        text = text.replace(several, one)
    option.help = text
    return take_one(option)


def take_one(option: click.Option, why: str = ONE_CONFIGURATION) -> click.Option:
    """Let an option that takes a list of values take a single one. Its value stays a tuple.

    Args:
        option: an option of a sweep, which is changed.
        why: reason why it takes no more, for an error; default that of an explanation.
    """
    metavar = option.metavar or ""
    read = option.callback
    if "LIST" not in metavar or read is None:
        return option

    def read_one(context: click.Context, parameter: click.Parameter, text: Any) -> Any:
        values = read(context, parameter, text)
        for found in values.values() if isinstance(values, dict) else (values or (),):
            if len(found) > 1:
                shown = ", ".join(map(str, found))
                raise click.UsageError(
                    f"{parameter.opts[0]}: {shown} are {len(found)} values, and {why}: give one (a sweep "
                    "takes several)"
                )
        return values

    option.callback = read_one
    option.metavar = metavar.replace("LIST", "VALUE")
    return option


def select_options(options: Iterable[click.Option], names: Iterable[str]) -> list[click.Option]:
    """Return the options that have some names, in the order of the names.

    Args:
        options: options of a sweep.
        names: names of their values.
    """
    by_name = {option.name: option for option in options}
    return [by_name[name] for name in names]
