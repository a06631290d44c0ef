"""The screen of an explanation: one page of 100 columns."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from rich.console import Console
from rich.markup import escape

from bench.analysis.explanation.explanation import Cause, Explanation
from bench.report.explain.answer import describe_possible, name_cause
from bench.report.explain.changes import print_break_even, print_changes
from bench.report.explain.page import print_heading, print_paragraph
from bench.report.explain.sample_bars import print_sample_bars
from bench.report.explain.stages import print_ladder, print_start_up, print_stragglers
from bench.report.explain.wording import NO_STEP, describe_setup, format_interval, format_share
from bench.text import format_count, format_rate, printable

# Causes that no other loader can remove.
NO_LOSS = (Cause.STEP, Cause.BALANCED, Cause.UNDECIDED)


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
    print_break_even(console, explanation)
    print_ladder(console, explanation)
    print_stragglers(console, explanation)
    print_start_up(console, explanation)
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
    diagnosis = explanation.diagnosis
    title = escape(_capitalise(name_cause(diagnosis)))
    if diagnosis.cause is Cause.UNDECIDED:
        print_heading(console, f"[yellow]{title}[/]")
    else:
        sure = "[green]sure[/]" if diagnosis.is_sure else "[yellow]likely, not sure[/]"
        print_heading(console, f"[green]{title}[/] [not bold]({sure})[/]")
    sentences = [printable(diagnosis.evidence)]
    if diagnosis.loss is not None and diagnosis.cause not in NO_LOSS:
        sentences.append(f"Without this an epoch would be {format_share(diagnosis.loss)} shorter.")
    if diagnosis.second is not None:
        sentences.append(f"Next after it: {diagnosis.second.value}.")
    print_paragraph(console, escape(" ".join(filter(None, sentences))), indent=2)
    rate = explanation.samples_per_s
    interval = format_interval(rate, format_rate, name="95% interval")
    possible = describe_possible(explanation)
    if not possible and explanation.setup.step == NO_STEP:
        possible = "the loader ran alone, so nobody knows how much of it a training can use"
    few = (
        ""
        if rate.low is not None
        else f", from {format_count(rate.blocks, 'block')} and so without an interval"
    )
    speed = f"Now: {format_rate(rate.median)} samples/s{interval}{few}"
    print_paragraph(console, escape(f"{speed}; {possible}." if possible else f"{speed}."), indent=2)


def _print_trust(console: Console, explanation: Explanation) -> None:
    """Print the cautions, and how well the parts and the replay agree with what was measured."""
    for caution in explanation.cautions:
        print_paragraph(console, f"[bold yellow]Caution:[/] {escape(printable(caution))}", hanging=2)
    checks = []
    if explanation.closure is not None:
        checks.append(f"the parts sum to {explanation.closure:.1%} of the measured time")
    if explanation.replay_error is not None:
        checks.append(f"the replay is off by {explanation.replay_error:+.1%}")
    if explanation.tracing_cost is not None:
        checks.append(f"tracing costs {explanation.tracing_cost:+.1%}")
    if checks:
        print_paragraph(console, f"[dim]How well it fits: {', '.join(checks)}.[/]", hanging=2)


def _capitalise(text: str) -> str:
    return f"{text[0].upper()}{text[1:]}"
