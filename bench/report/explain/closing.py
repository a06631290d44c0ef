"""The end of an explanation on the screen: the explanation, what is missing, and errors."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from rich.console import Console

from bench.report.conclusion import describe_conclusion
from bench.report.console import print_line
from bench.report.explain.conclusion import ExplainConclusion
from bench.report.explain.explain_screen import print_explanation
from bench.report.explain.explanation_json import SCHEMA, to_json
from bench.report.output import complain
from bench.report.page.page import REPORT
from bench.report.remark import print_remarks
from bench.text import format_count, printable


def print_conclusion(console: Console, conclusion: ExplainConclusion) -> None:
    """Print the explanation, and what is missing of it.

    Args:
        console: console to print to.
        conclusion: end of the explanation.
    """
    if conclusion.found is not None:
        page, charts = conclusion.folder.glob(REPORT), sorted(conclusion.folder.glob("*.png"))
        files = [*page, *charts]
        print_explanation(console, conclusion.found, folder=conclusion.folder, files=files)
    if conclusion.left_out:
        blocks = format_count(conclusion.left_out, "block")
        print_line(console, f"[yellow]The budget left out[/] {blocks}; --blocks or --budget give more.")
    if conclusion.interrupted:
        kept = "what was measured until then is explained" if conclusion.found else "it was too early"
        print_line(console, f"[bold yellow]Interrupted[/]: {kept}.")
    print_remarks(console, conclusion.undrawn)


def describe_explanation(
    conclusion: ExplainConclusion, notices: Sequence[str], exit_code: int
) -> dict[str, Any]:
    """Return the JSON object of an explanation: that of its file, and how it ended.

    Args:
        conclusion: end of the explanation.
        notices: facts of data and loaders to know before reading figures.
        exit_code: exit code of the command.
    """
    explanation = conclusion.found
    explained = {"schema": SCHEMA, "answer": None} if explanation is None else to_json(explanation)
    found = {**explained, "blocks_left_out": conclusion.left_out}
    return describe_conclusion(conclusion, found, notices, exit_code)


def complain_of(conclusion: ExplainConclusion) -> None:
    """Print on standard error what failed of the configuration, or what kept a file from being written."""
    for problem in conclusion.problems[:1]:
        complain(problem)
    if conclusion.failure:
        log = printable(str(conclusion.folder / "trials.log"))
        is_late = conclusion.found is not None
        known = "only what was measured before is explained" if is_late else "nothing can be explained"
        complain(f"{known}: {conclusion.failure}; the output is in {log}")
