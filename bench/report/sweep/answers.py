"""Print the answer of a sweep: the sentences, and the code to paste."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from rich.console import Console

from bench.analysis.answer import Answer
from bench.report.console import print_line, print_text
from bench.report.labels import Labels
from bench.report.sweep.answer_words import MOST_ANSWERS, describe_answer, select_telling
from bench.text import format_count


def print_answers(
    console: Console,
    answers: Sequence[Answer],
    labels: Labels,
    make_code: Callable[[int], Sequence[str]],
    gpu: str = "",
) -> None:
    """Print which configuration to use for each kind of work, and the lines of code to paste for it.

    Args:
        console: console to print to.
        answers: one answer for each kind of work, the most important first.
        labels: names of the configurations.
        make_code: returns the lines of code of a configuration, given its number.
        gpu: name of the GPU; default empty where there is none.
    """
    telling = select_telling(answers)
    for answer in telling[:MOST_ANSWERS]:
        print_text(console, describe_answer(answer, labels, gpu).whole)
        console.print()
        for line in make_code(answer.configuration):
            console.print(f"    {line}", markup=False, soft_wrap=True)
        console.print()
    if (more := len(telling) - MOST_ANSWERS) > 0:
        print_line(console, f"The table has {format_count(more, 'more kind')} of work.")
