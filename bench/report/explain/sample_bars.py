"""Bars in the terminal: where the time of a sample goes, in the training process and in a worker."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rich.console import Console
from rich.markup import escape
from rich.text import Text

from bench.analysis.explanation.explanation import Explanation, Part
from bench.report.explain.overlap import LEAST_SHARE, describe_overlap
from bench.report.explain.wording import (
    IDLE,
    OTHER,
    START_UP,
    STEP,
    TRAINING,
    WAITING,
    WORKER,
    count_samples,
    describe_workers,
    name_piece,
)
from bench.report.paragraphs import find_width, fit_cell, print_heading, print_paragraph
from bench.text import TimeUnit, choose_unit, format_share, printable

# More parts of one process are drawn as one, the smallest of them.
MOST_ROWS = 8
NAME_COLUMNS, TIME_COLUMNS, SHARE_COLUMNS = 20, 9, 6
FEWEST_BAR_COLUMNS = 8
STYLES = {
    WAITING: "bold yellow",
    START_UP: "yellow",
    "start": "dim",
    STEP: "green",
    IDLE: "dim",
    OTHER: "dim",
}
# Solid for the process whose time is the epoch's; hatched for processes beside it.
SOLID, HATCHED, THIN = "█", "▒", "▏"


@dataclass(frozen=True)
class BarRow:
    """One bar.

    Attributes:
        name: name of the part.
        time_s: seconds a sample.
        share: share of the epoch's wall time, 0 to 1.
        style: style of the bar.
    """

    name: str
    time_s: float
    share: float
    style: str


def print_sample_bars(console: Console, explanation: Explanation) -> None:
    """Print where the time of a sample goes: a bar for each part, one process below the other.

    The bars of a process follow one another from left to right. Both processes have the same scale.
    """
    training = fold_parts(explanation, TRAINING)
    worker = fold_parts(explanation, WORKER)
    if not training and not worker:
        return
    setup, piece = explanation.setup, name_piece(explanation)
    unit = choose_unit(row.time_s for row in [*training, *worker])
    print_heading(console, f"Where the time of a {piece} goes")
    if training:
        _print_process(console, ("training process", f"{unit.name}/{piece}"), training, unit, SOLID)
    if worker:
        beside = f"{describe_workers(setup)}, at the same time"
        _print_process(console, (beside, f"{unit.name}/own {piece}"), worker, unit, HATCHED)
    print_paragraph(console, f"[dim]{escape(describe_overlap(explanation))}[/]", indent=2)


def fold_parts(explanation: Explanation, place: str) -> list[BarRow]:
    """Return the bars of one process in the order in which it works; the smallest parts become one.

    Args:
        explanation: the explanation.
        place: `training` or `worker`.
    """
    samples = count_samples(explanation)
    parts = [part for part in explanation.parts if part.place == place]
    # The step and the waiting are what a reader looks for first.
    ranked = sorted(
        (part for part in parts if part.share >= LEAST_SHARE and part.name != OTHER),
        key=lambda part: (part.name not in (WAITING, STEP), -part.share),
    )
    shown = {id(part) for part in ranked[:MOST_ROWS]}
    rows = [
        BarRow(printable(part.name), part.batch_s.median / samples, part.share, _choose_style(part))
        for part in parts
        if id(part) in shown
    ]
    others = [part for part in parts if id(part) not in shown]
    if sum(part.share for part in others) >= LEAST_SHARE:
        time_s = sum(part.batch_s.median for part in others) / samples
        rows.append(BarRow(_name_others(others), time_s, sum(p.share for p in others), "dim"))
    return rows


def _print_process(
    console: Console, titles: tuple[str, str], rows: Sequence[BarRow], unit: TimeUnit, mark: str
) -> None:
    """Print the bars of one process below its title and the sums.

    Args:
        console: console to print to.
        titles: the process, and the unit of its times.
        rows: its parts.
        unit: unit of the times.
        mark: letter that bars are made of.
    """
    width = find_width(console)
    bar = max(width - NAME_COLUMNS - TIME_COLUMNS - SHARE_COLUMNS - 5, FEWEST_BAR_COLUMNS)
    title, column = titles
    head = fit_cell(title, NAME_COLUMNS + 2 + bar - max(0, len(column) - TIME_COLUMNS))
    head += fit_cell(column, max(TIME_COLUMNS, len(column)), right=True)
    head += fit_cell("share", SHARE_COLUMNS, right=True)
    console.print(Text(f"  {head}", style="italic cyan"), soft_wrap=True)
    before = 0.0
    for row in rows:
        start, end = (min(round(share * bar), bar) for share in (before, before + row.share))
        before += row.share
        drawn = mark * (end - start) or THIN
        space = min(start, bar - 1) if drawn == THIN else start
        line = Text(f"    {fit_cell(row.name, NAME_COLUMNS - 1)} ")
        line.append(fit_cell(" " * space + drawn, bar), style=row.style)
        line.append(fit_cell(unit.format(row.time_s), TIME_COLUMNS, right=True))
        line.append(fit_cell(format_share(row.share), SHARE_COLUMNS, right=True))
        console.print(line, soft_wrap=True)


def _choose_style(part: Part) -> str:
    return STYLES.get(part.name, "cyan" if part.place == WORKER else "blue")


def _name_others(parts: Sequence[Part]) -> str:
    """Return the name of the bar that stands for several parts."""
    seen = [part for part in parts if part.share >= LEAST_SHARE / len(parts)]
    if len(seen) == 1:
        return printable(seen[0].name)
    if all(part.stage == "transform" for part in seen):
        return f"{len(seen)} other transforms"
    return f"{len(seen)} other parts"
