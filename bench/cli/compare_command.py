"""The command line of `python -m bench.compare` with two results folders, and the options that it shares."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import click

from bench.analysis.comparison.comparison import MARGIN, ComparisonOptions
from bench.cli.option_readers import read_percent
from bench.cli.user_path import UserPath

T = TypeVar("T")
HELP = (
    "Compare two results folders, configuration by configuration: is B the same as A, faster, slower, or "
    "undecided? A is the old one. Without B, A is the folder of a comparison of two commits. With "
    "--revisions it measures two commits first: --revisions OLD NEW --help says more. Exit code: 0 nothing "
    "is slower, 1 one is slower, 2 bad input, 3 one is undecided, 4 not comparable or nothing measured."
)


@dataclass(frozen=True)
class CompareOptions:
    """The order that compares two results folders.

    Attributes:
        a: results folder of the old side.
        b: results folder of the new side.
        comparison: how they are compared and printed.
        out: folder for the comparison with its chart and page; None writes nothing.
    """

    a: Path
    b: Path
    comparison: ComparisonOptions
    out: Path | None = None


def make_compare_command(function: Callable[[CompareOptions], T]) -> click.Command:
    """Make the command that runs a function with the options of a comparison of two folders.

    Args:
        function: makes the comparison. The command returns what it returns, such as the exit code.
    """

    def run(*, a: Path, b: Path | None, out: Path | None, **given: Any) -> T:
        comparison = read_comparison_options(given)
        a, b = (a, b) if b is not None else _find_sides(a)
        return function(CompareOptions(a, b, comparison, out))

    return click.Command(
        "compare",
        callback=run,
        params=[
            click.Argument(["a"], type=UserPath(), metavar="A"),
            click.Argument(["b"], type=UserPath(), metavar="[B]", required=False),
            *comparison_options(),
            click.Option(
                ["--across-machines"],
                is_flag=True,
                help="Compare the ratios to the baseline, which two machines can have in common.",
            ),
            click.Option(
                ["--out"],
                type=UserPath(),
                metavar="DIR",
                help="Also write it into this new or empty folder: report.html, a chart, JSON and Markdown.",
            ),
        ],
        help=HELP,
        context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    )


def asks_for_revisions(words: Sequence[str]) -> bool:
    """Return whether the words of a command line ask to measure two commits.

    Args:
        words: arguments of the command.
    """
    options = words[: words.index("--")] if "--" in words else words
    return any(word.partition("=")[0] == "--revisions" for word in options)


def comparison_options() -> list[click.Option]:
    """Return the options that every comparison has: how it is judged and printed."""
    return [
        click.Option(
            ["--margin"],
            callback=read_percent,
            metavar="PERCENT",
            help=f"Differences up to this count as the same. Default: {100 * MARGIN:g}%.",
        ),
        click.Option(
            ["--format", "form"],
            type=click.Choice(("text", "md", "json")),
            help="text for people (default), md for a pull request, json for programs.",
        ),
        click.Option(["--json", "as_json"], is_flag=True, help="The same as --format json."),
    ]


def read_comparison_options(given: dict[str, Any]) -> ComparisonOptions:
    """Take the options of a comparison out of the values of a command's options.

    Args:
        given: values by name. Those of a comparison are removed.

    Raises:
        click.UsageError: options contradict each other.
    """
    margin, form, as_json = (given.pop(name) for name in ("margin", "form", "as_json"))
    if as_json and form not in (None, "json"):
        raise click.UsageError(f"--json: --format {form} is another format; give one of them")
    return ComparisonOptions(
        margin=MARGIN if margin is None else margin,
        across_machines=given.pop("across_machines", False),
        form="json" if as_json else form or "text",
    )


def _find_sides(folder: Path) -> tuple[Path, Path]:
    """Return the folders of both sides of a comparison of two commits.

    Raises:
        click.UsageError: the folder holds none.
    """
    # Imported here: it imports torch, which takes a second.
    from bench.plan.revision_options import SIDES

    old, new = (folder / side for side in SIDES)
    if old.is_dir() and new.is_dir():
        return old, new
    raise click.UsageError(
        f"{folder}: give a second folder to compare it with (it holds no comparison of two commits)"
    )
