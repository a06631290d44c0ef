"""What a sweep says before it measures."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from bench.machine.check import Check
from bench.plan.plan import Plan
from bench.plan.schedule import Schedule
from bench.text import format_count, format_duration


def print_plan(console: Console, plan: Plan, names: Sequence[str]) -> None:
    """The configurations, and what was left out and why."""
    table = Table(title="Plan", title_justify="left", box=None, pad_edge=False)
    table.add_column("#", justify="right")
    table.add_column("configuration")
    table.add_column("")
    for number, name in enumerate(names):
        remark = plan.unavailable.get(number, "baseline" if plan.baselines[number] == number else "")
        table.add_row(str(number), escape(name), escape(remark))
    console.print(table)
    print_dropped(console, plan)


def print_start(
    console: Console,
    dataset: str,
    samples: int,
    course: Schedule,
    *,
    configurations: int,
    block_s: float,
) -> None:
    """How much there is to measure, and about how long that takes; block_s: a block's estimate, seconds."""
    more = f", then more of the contenders until ±{100 * course.precision:.3g}%" if course.precision else ""
    console.print(
        f"{format_count(configurations, 'configuration')} × {format_count(course.blocks, 'block')} × "
        f"{format_count(course.epochs, 'epoch')} of {format_count(samples, 'sample')}"
        + (f" ({dataset})" if dataset else "")
        + f": about {format_duration(course.blocks * block_s)}, by the rates of a machine with two cores{more}",
        soft_wrap=True,
    )


def print_concerns(console: Console, checks: Iterable[Check]) -> None:
    """What on this machine stands in the way of what is about to be measured, and what to do."""
    for check in checks:
        style = "bold red" if check.verdict == "fail" else "bold yellow"
        cure = f" → {check.cure}" if check.cure else ""
        console.print(
            f"[{style}]{check.verdict}[/] {check.name}: {escape(check.found)}{escape(cure)}", soft_wrap=True
        )


def print_dropped(console: Console, plan: Plan) -> None:
    """What was asked for and can't be measured here: one line a reason."""
    for reason, count in Counter(reason for _, reason in plan.dropped).items():
        console.print(
            f"[yellow]left out[/] {format_count(count, 'configuration')}: {escape(reason)}", soft_wrap=True
        )
    for number, reason in plan.unavailable.items():
        console.print(f"[yellow]unavailable[/] configuration {number}: {escape(reason)}", soft_wrap=True)
