"""The first lines of an explanation: what is measured, how long its epochs are, and how long it takes."""

from __future__ import annotations

from rich.console import Console
from rich.markup import escape

from bench.analysis.evidence import LoaderSetup
from bench.report.console import print_line
from bench.report.explain.wording import NO_STEP, describe_setup
from bench.text import format_count, format_duration, format_time


def print_first_look(console: Console, name: str) -> None:
    """Print that a short epoch is measured first."""
    print_line(console, f"A first look at {escape(name)}, to see how long an epoch should be")


def print_explain_start(
    console: Console, setup: LoaderSetup, blocks: int, seconds: float, bound_s: float | None = None
) -> None:
    """Print what is measured and about how long that takes.

    Args:
        console: console to print to.
        setup: the configuration.
        blocks: number of blocks.
        seconds: about how long they take.
        bound_s: seconds that a budget leaves; default None for no budget.
    """
    alone = "" if setup.step == NO_STEP else ", its step alone"
    counted, duration = format_count(blocks, "block"), format_duration(seconds)
    long = f"in {counted}: about {duration}"
    if bound_s is not None and seconds > bound_s:
        long = f"in as many of {counted} as fit into {format_duration(bound_s)}"
    print_line(
        console,
        f"{escape(setup.name)}, {escape(describe_setup(setup))}: as it is{alone}, a trace and a ladder of "
        f"its stages, {long}",
    )


def print_overrun(console: Console, first_s: float, left_s: float, *, is_asked: bool) -> None:
    """Print that the first block takes longer than the budget.

    Args:
        console: console to print to.
        first_s: about how long it takes.
        left_s: seconds that are left of the budget.
        is_asked: whether the user asked for the number of batches of an epoch.
    """
    remedy = "a smaller --batches makes it shorter" if is_asked else "it can't be shorter"
    print_line(
        console,
        f"[yellow]The budget is too small:[/] the first block takes about {format_duration(first_s)}, "
        f"{format_duration(left_s)} are left, and {remedy}",
    )


def print_cut(console: Console, batches: int, whole: int | None, epoch_s: float | None) -> None:
    """Print that epochs are shorter than those of the training.

    Args:
        console: console to print to.
        batches: number of batches of a measured epoch.
        whole: number of batches of an epoch of the training; None where it isn't known.
        epoch_s: about how long a measured epoch takes; None where it isn't known.
    """
    of = f"{batches:,} of " if whole is not None else ""
    counted = format_count(batches if whole is None else whole, "batch")
    form = format_duration if epoch_s is not None and epoch_s >= 1 else format_time
    lasting = f", about {form(epoch_s)}" if epoch_s is not None else ""
    print_line(console, f"An epoch ends after {of}{counted}{lasting}; --batches N sets another end")
