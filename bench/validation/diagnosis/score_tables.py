"""Tables of the score: a line for each planted training, the confusion matrix, and the conclusion."""

from __future__ import annotations

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from bench.text import format_count, format_duration
from bench.validation.diagnosis.outcome import GAIN_TOLERANCE, LARGE_SHARE, Outcome
from bench.validation.diagnosis.plant import Plant
from bench.validation.diagnosis.score import FOUND, LABELS, LEAST_RATE, Score
from bench.validation.judged_table import RIGHT, WRONG

# Widths of a line's cells: name, planted cause, named cause, sure or not, planted share, found share.
WIDTHS = (23, 19, 19, 6, 5, 5)
TITLES = ("training", "planted", "named", "", "share", "found")


def print_titles(console: Console, count: int) -> None:
    """Print the titles of the lines.

    Args:
        console: prints them.
        count: number of planted trainings.
    """
    console.print(f"[bold]{' ' * len(make_title(0, count))}{_join(TITLES)}[/]", soft_wrap=True)


def make_title(place: int, count: int) -> str:
    """Return the beginning of a line, such as ` 3/36 `."""
    return f"{place:>{len(str(count))}}/{count} "


def print_outcome(console: Console, outcome: Outcome, place: int, count: int) -> None:
    """Print the line of one planted training, and below it what else is wrong with its explanation.

    Args:
        console: prints it.
        outcome: the explanation beside its truth.
        place: number of the training, from 1.
        count: number of planted trainings.
    """
    start = make_title(place, count)
    mark = RIGHT if outcome.is_right else WRONG
    if outcome.is_confidently_wrong:
        mark += "[bold red], and sure[/]"
    console.print(f"{start}{escape(_join(make_cells(outcome)))}{mark}", soft_wrap=True)
    if outcome.is_repeated:
        again = ", and again" if outcome.is_disturbed else ""
        console.print(f"{' ' * len(start)}It was disturbed and explained once more{again}", soft_wrap=True)
    for fault in (*([outcome.error] if outcome.error else ()), *outcome.faults):
        console.print(f"{' ' * len(start)}[yellow]{escape(fault)}[/]", soft_wrap=True)
    if outcome.explanation is not None and not outcome.is_right:
        evidence = outcome.explanation.diagnosis.evidence
        console.print(f"{' ' * len(start)}{escape(evidence)}", soft_wrap=True)


def make_cells(outcome: Outcome) -> tuple[str, ...]:
    """Return the cells of an outcome, as TITLES names them."""
    plant = outcome.plant
    planted = f"{LABELS[plant.truth.cause]} {plant.stage}".rstrip()
    cells = (plant.name, planted)
    share = f"{plant.true_share:.0%}"
    if outcome.explanation is None:
        return (*cells, "failed", "", share, "")
    found = outcome.explanation.diagnosis
    loss = "" if found.loss is None else f"{found.loss:.0%}"
    named = f"{LABELS[found.cause]} {found.stage}".rstrip()
    return (*cells, named, "sure" if found.is_sure else "likely", share, loss)


def _join(cells: tuple[str, ...]) -> str:
    padded = [
        f"{cell:>{width}}" if place > 3 else f"{cell:<{width}}"
        for place, (cell, width) in enumerate(zip(cells, WIDTHS, strict=True))
    ]
    return " ".join(padded) + "  "


def print_matrix(console: Console, score: Score) -> None:
    """Print the confusion matrix: a row for each planted cause, a column for each that was named."""
    matrix = score.count_matrix()
    named = [label for label in FOUND if any(row.get(label) for row in matrix.values())]
    table = Table(
        box=None, pad_edge=False, padding=(0, 0, 0, 1), title="[bold]planted (rows), named (columns)[/]"
    )
    table.title_justify = "left"
    table.add_column("", no_wrap=True)
    for label in named:
        table.add_column("\n".join(label.split()), justify="right", overflow="fold")
    for planted, row in matrix.items():
        cells = []
        for label in named:
            number = row.get(label, 0)
            colour = "green" if label == planted else "bold red"
            cells.append(f"[{colour}]{number}[/]" if number else "·")
        table.add_row(planted, *cells)
    console.print(table, "")


def print_alike(console: Console, plants: list[Plant]) -> None:
    """Print which causes may be named in place of the planted one, and why."""
    for plant in plants:
        for cause, reason in plant.truth.also.items():
            console.print(f"{plant.name}: {LABELS[cause]} is right too: {escape(reason)}", soft_wrap=True)


def list_sentences(score: Score) -> list[str]:
    """Return how many diagnoses, gains and slow samples are right, the conclusion last."""
    sentences = []
    if gains := score.gains:
        good = sum(gain.is_right for gain in gains)
        counted = format_count(len(gains), "predicted gain")
        sentences.append(f"Within {GAIN_TOLERANCE:.0%} of the plan: {good} of {counted}")
    if score.num_stragglers:
        named = format_count(score.num_stragglers, "slow sample")
        sentences.append(f"Named by their index: {score.num_named} of {named}")
    if disturbed := sum(outcome.is_disturbed for outcome in score.outcomes):
        sentences.append(
            f"Other processes used the machine in {disturbed} of {len(score.outcomes)} trainings: run this "
            "again when it is quiet"
        )
    if wrong := score.confidently_wrong:
        names = ", ".join(outcome.plant.name for outcome in wrong)
        sentences.append(f"Sure and wrong, where the true cause costs over {LARGE_SHARE:.0%}: {names}")
    counted = format_count(len(score.outcomes), "cause")
    sentences.append(
        f"{score.num_right} of {counted} named ({score.rate:.0%}, at least {LEAST_RATE:.0%} are needed)"
    )
    return sentences


def print_score(console: Console, score: Score, taken_s: float) -> None:
    """Print how many diagnoses and gains are right, and whether that is enough.

    Args:
        console: prints it.
        score: how often the planted causes are named.
        taken_s: time that all of it took, in seconds.
    """
    *sentences, conclusion = list_sentences(score)
    for sentence in sentences:
        console.print(sentence, soft_wrap=True)
    colour = "bold green" if score.passes else "bold red"
    console.print(f"[{colour}]{conclusion}[/] ({format_duration(taken_s)})", soft_wrap=True)
