"""The screen of an explanation: one page of 100 columns."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from rich.console import Console
from rich.markup import escape

from bench.analysis.explanation.explanation import Explanation
from bench.report.explain.change_words import describe_break_even
from bench.report.explain.changes import print_changes
from bench.report.explain.sample_bars import print_sample_bars
from bench.report.explain.stages import describe_ladder, describe_start_up, describe_stragglers
from bench.report.explain.verdict_words import describe_fit, describe_speed, describe_verdict, list_cautions
from bench.report.explain.wording import describe_setup
from bench.report.paragraphs import print_heading, print_paragraph, print_remark
from bench.text import printable


def print_explanation(
    console: Console,
    explanation: Explanation,
    *,
    folder: Path | None = None,
    files: Iterable[Path] = (),
) -> None:
    """Print an explanation on one page of at most 100 columns.

    Args:
        console: console to print to.
        explanation: the explanation.
        folder: folder of its files; default None for an explanation without files.
        files: files in it to name, such as charts; default none.
    """
    setup = explanation.setup
    print_paragraph(console, f"[bold]{escape(printable(setup.name))}[/]: {escape(describe_setup(setup))}")
    _print_answer(console, explanation)
    print_sample_bars(console, explanation)
    print_changes(console, explanation)
    if (break_even := describe_break_even(explanation)) is not None:
        console.print()
        print_remark(console, break_even)
    for describe in (describe_ladder, describe_stragglers, describe_start_up):
        print_remark(console, describe(explanation))
    _print_trust(console, explanation)
    if folder is not None:
        names = [printable(path.name) for path in files]
        listed = f" ({', '.join(names)})" if names else ""
        # A path stays in one piece, so that it can be copied.
        print_paragraph(
            console, f"[bold]Files:[/] {escape(printable(str(folder)))}{escape(listed)}", hanging=2
        )


def _print_answer(console: Console, explanation: Explanation) -> None:
    """Print the cause with its evidence, and how much there is to gain at all."""
    verdict = describe_verdict(explanation)
    if verdict.sureness:
        color = "green" if verdict.is_sure else "yellow"
        sureness = f"[not bold]([{color}]{verdict.sureness}[/])[/]"
        print_heading(console, f"[green]{escape(verdict.title)}[/] {sureness}")
    else:
        print_heading(console, f"[yellow]{escape(verdict.title)}[/]")
    print_paragraph(console, escape(verdict.evidence), indent=2)
    print_paragraph(console, escape(describe_speed(explanation)), indent=2)


def _print_trust(console: Console, explanation: Explanation) -> None:
    """Print the cautions, and how well the parts and the replay agree with what was measured."""
    for caution in list_cautions(explanation):
        print_remark(console, caution)
    if (fit := describe_fit(explanation)) is not None:
        print_paragraph(console, f"[dim]{escape(fit.title)}: {escape(fit.text)}[/]", hanging=2)
