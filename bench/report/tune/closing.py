"""The end of a tuning on the screen or as JSON: the tuning, what is missing, and errors."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from rich.console import Console

from bench.report.conclusion import describe_conclusion
from bench.report.console import print_line
from bench.report.output import complain
from bench.report.page.page import REPORT
from bench.report.remark import print_remarks
from bench.report.tune.conclusion import TuneConclusion
from bench.report.tune.terminal import print_tuning
from bench.report.tune.tuning_json import SCHEMA, to_json


def print_conclusion(console: Console, conclusion: TuneConclusion) -> None:
    """Print the tuning, and what is missing of it.

    Args:
        console: console to print to.
        conclusion: end of the tuning.
    """
    if conclusion.found is not None:
        files = [*conclusion.folder.glob(REPORT), *sorted(conclusion.folder.glob("*.png"))]
        print_tuning(console, conclusion.found, folder=conclusion.folder, files=files)
    elif conclusion.interrupted:
        print_line(console, "[bold yellow]Interrupted[/]: it was too early for an answer.")
    print_remarks(console, conclusion.undrawn)


def describe_tuning(conclusion: TuneConclusion, notices: Sequence[str], exit_code: int) -> dict[str, Any]:
    """Return the JSON object of a tuning: that of its file, and how it ended.

    Args:
        conclusion: end of the tuning.
        notices: facts of data and loaders to know before reading figures.
        exit_code: exit code of the command.
    """
    tuning = conclusion.found
    tuned = {"schema": SCHEMA, "answer": None} if tuning is None else to_json(tuning)
    return describe_conclusion(conclusion, tuned, notices, exit_code)


def complain_of(conclusion: TuneConclusion) -> None:
    """Print on standard error why nothing could be tuned, or what kept a file from being written."""
    for problem in conclusion.problems[:1]:
        complain(problem)
    if conclusion.failure:
        known = "nothing can be tuned" if conclusion.found is None else "only a part could be tuned"
        complain(f"{known}: {conclusion.failure}")
