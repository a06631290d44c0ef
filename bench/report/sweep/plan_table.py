"""The plan of a sweep as a table, and what it leaves out."""

from __future__ import annotations

from collections import Counter

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from bench.plan.plan import Plan
from bench.plan.prepared_sweep import PreparedSweep
from bench.report.console import print_line
from bench.text import format_count, join_words

# Part of every reason that has to do with a GPU which isn't used.
CUDA = "CUDA device"


def print_plan(console: Console, sweep: PreparedSweep) -> None:
    """Print the configurations of a sweep, and those that it leaves out."""
    plan = sweep.plan
    table = Table(title="Plan", title_justify="left", box=None, pad_edge=False)
    table.add_column("#", justify="right")
    table.add_column("configuration")
    table.add_column("")
    for number, name in enumerate(sweep.names):
        remark = plan.unavailable.get(number, "baseline" if plan.baselines[number] == number else "")
        table.add_row(str(number), escape(name), escape(remark))
    console.print(table)
    print_left_out(console, plan)


def print_left_out(console: Console, plan: Plan) -> None:
    """Print how many configurations are left out, one line a reason, and one for all that need a GPU.

    Those that are unavailable here are rows of the plan, and failures of the results.
    """
    without_gpu: Counter[str] = Counter()
    for reason, count in Counter(reason for _, reason in plan.dropped).items():
        if CUDA in reason:
            # The first word is the setting or the family.
            without_gpu[reason.partition(" ")[0]] += count
        else:
            _print_reason(console, count, reason)
    if without_gpu:
        take = "takes" if len(without_gpu) == 1 else "take"
        reason = f"{join_words(list(without_gpu))} {take} a CUDA device"
        _print_reason(console, without_gpu.total(), reason)


def _print_reason(console: Console, count: int, reason: str) -> None:
    print_line(console, f"[yellow]left out[/] {format_count(count, 'configuration')}: {escape(reason)}")
