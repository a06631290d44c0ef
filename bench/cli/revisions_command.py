"""The command line of `python -m bench.compare --revisions`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

import click

from bench.analysis.comparison.comparison import ComparisonOptions
from bench.cli.compare_command import comparison_options, read_comparison_options
from bench.cli.explain_groups import LEFT_OUT
from bench.cli.grouped_command import ARGUMENTS, GroupedCommand
from bench.cli.make_options import make_options
from bench.cli.option_groups import (
    consumer_options,
    data_options,
    knob_options,
    output_options,
    repetition_options,
)
from bench.cli.resumed_command import COMPARE_PROGRAMS
from bench.cli.screen_options import quiet_option
from bench.plan.revision_options import BLOCKS, RevisionOptions
from bench.plan.screen import Screen
from loaders.registry import all_knobs, own_families

T = TypeVar("T")
HELP = (
    "Compare two commits of your own git repository. Both are checked out beside each other and measured in "
    "common blocks, so that a small difference shows. Your working tree, index and branches stay as they "
    "are. Start in the folder from which you train. Exit code: 0 nothing is slower, 1 one is slower, 2 bad "
    "input, 3 one is undecided, 4 not comparable or nothing measured."
)
EXAMPLES = {
    "--revisions v1 v2 -- train.py:loader": "two releases, by your DataLoader",
    "--revisions main HEAD -- train.py -- --fast": "this branch, by your script",
    "--revisions v1 v2 --num-workers 0,4 -- train.py": "two configurations of each",
}
# Options of a sweep that a comparison of commits has. The others are for pictures, or choose between loaders.
SUBJECT = (
    "params", "batches", "pick", "family", "device", "step", "step_ms", "num_threads",
)  # fmt: skip
BOUNDS = ("blocks", "epochs", "budget_s", "timeout_s", "memory_limit", "seed")
PLACES = ("config", "out", "name")
OTHERS: Mapping[str, Any] = {
    **LEFT_OUT,
    "single": True,
    "dataset": "auto",
    "data_dir": Path("data"),
    "mirror": None,
    "loss": ("cross_entropy",),
    "cuda_graph": (False,),
    "learning_rate": None,
}
# Help of options that mean another thing here.
HELP_HERE = {
    "blocks": f"Times that all of both commits is measured, in fresh processes. Default: {BLOCKS}.",
    "budget_s": "Start no trial that would end later, as 90s, 5m or 1h.",
    "family": "Loader families: dataloader, iterable, in_memory. Default: the loader as it is.",
}


def make_revisions_command(function: Callable[[RevisionOptions, ComparisonOptions], T]) -> click.Command:
    """Make the command that runs a function with the options of a comparison of two commits.

    Args:
        function: makes the comparison. The command returns what it returns, such as the exit code.
    """

    def run(
        *, revisions: tuple[str, str], links: tuple[Path, ...], words: tuple[str, ...], **given: Any
    ) -> T:
        context = click.get_current_context()
        if "--" in revisions:
            raise click.UsageError("--revisions: takes two commits, OLD and NEW; one is missing or empty")
        compared = read_comparison_options(given)
        target, arguments = _split_words(context, words)
        values = {**dict.fromkeys(all_knobs()), **OTHERS, **given, "target": target, "script_args": arguments}
        values["blocks"] = values["blocks"] or BLOCKS
        known = context.command_path.split() in COMPARE_PROGRAMS
        order = replace(
            make_options(values),
            program=context.command_path if known else " ".join(COMPARE_PROGRAMS[0]),
            arguments=context.meta[ARGUMENTS],
            # A file or a program takes standard output in the other forms.
            screen=Screen(as_json=compared.form != "text", quiet=values["quiet"]),
        )
        return function(RevisionOptions(order, revisions, links), compared)

    words = click.Argument(
        ["words"], nargs=-1, required=False, type=click.UNPROCESSED, metavar="-- TARGET [-- ARGS]"
    )
    return GroupedCommand("compare", run, _make_groups(), help=HELP, examples=EXAMPLES, arguments=[words])


def _make_groups() -> dict[str, list[click.Option]]:
    """Return the options by the title of their group."""
    return {
        "What to compare": [
            click.Option(
                ["--revisions"],
                nargs=2,
                required=True,
                metavar="OLD NEW",
                help="Two commits, branches or tags.",
            ),
            click.Option(
                ["--link", "links"],
                multiple=True,
                type=click.Path(path_type=Path),
                metavar="PATH",
                help="Data in the working tree that both need. What git ignores is linked by itself.",
            ),
        ],
        "What to measure (default: the loader as it is)": _select(
            [*data_options(), *consumer_options()], SUBJECT
        ),
        "The loader's knobs (LIST: values separated by commas)": _select(knob_options(), list_own_knobs()),
        "How often": _select(repetition_options(), BOUNDS),
        "How to judge": comparison_options(),
        "Files and screen": [*_select(output_options(), PLACES), quiet_option("the comparison")],
    }


def list_own_knobs() -> tuple[str, ...]:
    """Return the names of the knobs that loaders of users' own data have."""
    names = {name for family in own_families().values() for name in family.declared_knobs()}
    return tuple(name for name in all_knobs() if name in names)


def _select(options: list[click.Option], names: tuple[str, ...]) -> list[click.Option]:
    """Return the options of these names, with their help here."""
    by_name = {option.name: option for option in options}
    selected = [by_name[name] for name in names]
    for option in selected:
        option.help = HELP_HERE.get(option.name or "", option.help)
    return selected


def _split_words(context: click.Context, words: tuple[str, ...]) -> tuple[str, tuple[str, ...]]:
    """Return the target and a script's arguments.

    Raises:
        click.UsageError: there is no target, or there are several.
    """
    if not words:
        raise click.UsageError("--revisions: name what to measure, as in -- train.py:train_loader")
    target, *others = words
    if others and "--" not in context.meta[ARGUMENTS]:
        raise click.UsageError(f"{others[0]!r}: a comparison has one target; a script's arguments follow --")
    return target, tuple(others[1:] if others[:1] == ["--"] else others)
