"""What a sweep says in the terminal: its plan before, the ranked table and what follows from it after."""

from __future__ import annotations

import shlex
import sys
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Sequence
from pathlib import Path
from typing import TextIO, cast

import pandas as pd
from rich import box
from rich.console import Console
from rich.markup import escape
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from bench.aa import NOMINAL, Claims, check_aa
from bench.blocks import Course
from bench.cautions import cautions
from bench.check import Check
from bench.grid import Plan
from bench.output import SteadyOutput
from bench.progress import duration
from bench.runs_file import printable
from bench.statistics import FEWEST_BLOCKS
from bench.summary import knobs_of, labels, names_of_work, varied
from bench.verdict import INDIFFERENT, Verdict, verdict
from bench.words import counted, listed, short

PIPE_WIDTH = 120
COLUMNS = (
    "#", "configuration", "samples/s", "interval", "× base", "interval", "of limit", "waiting", "1st batch",
    "memory",
)  # fmt: skip
# A narrower terminal gets fewer columns, the last first, but never less than these.
FEWEST_COLUMNS = 6


def console() -> Console:
    """A console as wide as the terminal; in a file or a pipe wide enough for the table."""
    # A sweep goes on when its terminal is closed, or whatever reads its output ends.
    output = cast(TextIO, SteadyOutput(sys.stdout))
    terminal = Console(highlight=False, file=output)
    return terminal if terminal.is_terminal else Console(highlight=False, file=output, width=PIPE_WIDTH)


def print_notices(console: Console, notices: list[str]) -> None:
    """Notices that can't be missed."""
    for notice in notices:
        console.print(Panel(escape(notice), title="NOTICE", border_style="bold yellow", style="yellow"))


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
    console: Console, dataset: str, samples: int, course: Course, *, configurations: int, block_s: float
) -> None:
    """How much there is to measure, and about how long that takes; block_s: a block's estimate, seconds."""
    more = f", then more of the contenders until ±{100 * course.precision:.3g}%" if course.precision else ""
    console.print(
        f"{counted(configurations, 'configuration')} × {counted(course.blocks, 'block')} × "
        f"{counted(course.epochs, 'epoch')} of {counted(samples, 'sample')}"
        + (f" ({dataset})" if dataset else "")
        + f": about {duration(course.blocks * block_s)}, by the rates of a machine with two cores{more}",
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


def print_short(
    console: Console, summary: pd.DataFrame, short: Collection[int], precision: float | None
) -> None:
    """Whose intervals are wider than asked for, as the budget was over."""
    if not short or precision is None:
        return
    names = labels(summary)[summary["configuration"].isin(short)]
    console.print(
        f"[yellow]The budget ended before ±{100 * precision:.3g}%[/] for {escape(', '.join(names))}; "
        "give --budget for more.",
        soft_wrap=True,
    )


def print_failed_limits(console: Console, limits: pd.DataFrame | None) -> None:
    """Which limits are unknown, and why."""
    if limits is None:
        return
    for _, line in limits[limits["status"] != "ok"].iterrows():
        console.print(
            f"[bold red]{line['status']}[/] limit {line['family']} batch_size={line['batch_size']}: "
            f"{escape(line['error'])}",
            soft_wrap=True,
        )


def print_resumed(console: Console, runs: pd.DataFrame) -> None:
    """Which rows were measured with something else than the others."""
    for others, rows in runs[runs["resumed_with"] != ""].groupby("resumed_with"):
        console.print(
            f"[bold yellow]Resumed anyway:[/] {counted(len(rows), 'row')} with {escape(str(others))}. "
            "Ratios of blocks that hold both say little.",
            soft_wrap=True,
        )


def print_end(
    console: Console, folder: Path, left_out: int, *, interrupted: bool, stopped: bool = False
) -> None:
    """What was not measured, where the results lie, and how to go on with a sweep that was stopped."""
    where = printable(str(folder))
    if left_out:
        console.print(
            f"[yellow]The budget left out[/] {counted(left_out, 'trial')}; --blocks or --budget give more.",
            soft_wrap=True,
        )
    if interrupted:
        console.print("[bold yellow]Interrupted[/]: what was measured until then is kept.")
    if stopped:
        command = escape(f"python -m bench.sweep --resume {shlex.quote(where)}")
        console.print(f"To measure the rest: {command}", soft_wrap=True)
    console.print(f"Results: {escape(where)}", soft_wrap=True)


def print_dropped(console: Console, plan: Plan) -> None:
    """What was asked for and can't be measured here: one line a reason."""
    for reason, count in Counter(reason for _, reason in plan.dropped).items():
        console.print(
            f"[yellow]left out[/] {counted(count, 'configuration')}: {escape(reason)}", soft_wrap=True
        )
    for number, reason in plan.unavailable.items():
        console.print(f"[yellow]unavailable[/] configuration {number}: {escape(reason)}", soft_wrap=True)


def print_summary(console: Console, summary: pd.DataFrame) -> None:
    """The ranked table, one section for each kind of work, who is fastest in each, and what to be wary of."""
    of_work, of_loader = names_of_work(summary)
    summary = summary.assign(
        work=[" ".join(f"{name}={line[name]}" for name in of_work) for _, line in summary.iterrows()],
        label=labels(summary, of_loader),
    )
    rows: list[list[str | Text]] = []
    verdicts = []
    for work, group in summary.groupby("work", sort=False):
        if work:
            rows.append(["", Text(str(work), style="italic cyan")])
        rows += [_cells(line) for _, line in group.sort_values("rank", na_position="last").iterrows()]
        ranked = group[group["rank"].notna()]
        if not ranked.empty:
            own_names = ranked.set_index("configuration")["label"].map(escape)
            verdicts.append(_said(verdict(ranked), own_names, f" ({escape(str(work))})" if work else ""))
    console.print(_ranking(console, rows, summary["phase"].iloc[0]))
    names = summary["label"] + [f" ({work})" if work else "" for work in summary["work"]]
    names = names.map(escape)
    for line in [*filter(None, verdicts), *cautions(summary.assign(name=names))]:
        console.print(line, soft_wrap=True)
    if common := in_common(summary):
        console.print(f"The same in all: {escape(common)}", soft_wrap=True)
    baselines = names[summary["configuration"] == summary["baseline"]]
    console.print(f"Baseline: {'; '.join(baselines)}", soft_wrap=True)
    for index, line in summary[summary["status"] != "ok"].iterrows():
        console.print(
            f"[bold red]{line['status']}[/] {names[index]}: {escape(line['error'])}", soft_wrap=True
        )


def in_common(summary: pd.DataFrame) -> str:
    """What the names of configurations leave out, since all that have it have the same."""
    known = ("dataset", "device", *knobs_of(summary), "num_threads", "step", "loss")
    # A cell is empty where a family has no such knob; `none` and `off` leave things as they are.
    values = {name: set(summary[name].astype(str)) - {"", "none", "off", "nan"} for name in known}
    named = varied(summary)
    return " ".join(
        f"{name}={next(iter(its))}" for name, its in values.items() if len(its) == 1 and name not in named
    )


def print_aa(console: Console, summary: pd.DataFrame) -> None:
    """How many differences were claimed between twins, and whether that is more than the intervals may."""
    check = check_aa(summary)
    names = labels(summary).set_axis(summary["configuration"])
    if len(check.each) > 1:
        for numbers, claims in check.each.items():
            console.print(f"  {escape(names[numbers[0]])}: {_claimed(claims)}", soft_wrap=True)
    total = check.total
    if not total.pairs:
        console.print("[bold yellow]A/A says nothing:[/] no pair has an interval; that takes three blocks.")
        return
    opening = "[bold red]A/A fails:[/]" if total.excessive else "[bold green]A/A holds:[/]"
    console.print(
        f"{opening} {_claimed(total)}. At the nominal {NOMINAL:.0%}, chance explains up to {total.allowed}.",
        soft_wrap=True,
    )
    if total.without_interval:
        console.print(
            f"[yellow]{counted(total.without_interval, 'pair')} without an interval[/]: a trial failed, or "
            "fewer than three blocks.",
            soft_wrap=True,
        )


def _claimed(claims: Claims) -> str:
    said = f"{claims.claims} of {counted(claims.pairs, 'pair')} told apart"
    return said if claims.largest is None else f"{said}, largest false difference {claims.largest:.1%}"


def _ranking(console: Console, rows: Sequence[Sequence[str | Text]], phase: str) -> Table:
    """The table with as many columns as fit; where the fewest don't, with less space between them."""
    unbounded = console.options.update(width=10_000)
    layouts = [(count, 1) for count in range(len(COLUMNS), FEWEST_COLUMNS - 1, -1)]
    for count, space in [*layouts, (FEWEST_COLUMNS, 0)]:
        table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, padding=(0, space, 0, 0))
        table.title, table.title_justify = f"Throughput of {phase} epochs, with 95% intervals\n", "left"
        for name in COLUMNS[:count]:
            table.add_column(name, justify="left" if name == "configuration" else "right", no_wrap=True)
        for row in rows:
            table.add_row(*row[:count])
        if console.measure(table, options=unbounded).maximum <= console.width:
            break
    return table


def _cells(line: pd.Series) -> list[str | Text]:
    if pd.isna(line["rank"]):
        status = "not measured" if line["status"] == "ok" else line["status"]
        return ["", escape(line["label"]), Text(status, style="red")]
    style = "bold" if line["rank"] == 1 else ""
    memory = line["peak_memory_bytes"]
    return [
        f"{line['rank']:.0f}",
        Text(line["label"], style=style),
        Text(f"{line['samples_per_s']:,.0f}", style=style),
        _interval(line, "samples_per_s", short),
        f"{line['ratio']:.3g}" if pd.notna(line["ratio"]) else "",
        _interval(line, "ratio", "{:.3g}".format)
        if line["configuration"] != line["baseline"]
        else "baseline",
        f"{_share(line['limit_share'])} {line['limit']}" if pd.notna(line["limit_share"]) else "",
        f"{line['data_wait_s'] / line['wall_s']:.0%}",
        f"{line['time_to_first_batch_s'] * 1e3:,.0f} ms",
        f"{memory / 2**20:,.0f} MiB" if pd.notna(memory) else "",
    ]


def _share(share: float) -> str:
    return "<1%" if share < 0.005 else f"{share:.0%}"


def _interval(line: pd.Series, name: str, form: Callable[[float], str]) -> str:
    low, high = line[f"{name}_low"], line[f"{name}_high"]
    return "" if pd.isna(low) else f"{form(low)}–{form(high)}"


def _said(found: Verdict, names: pd.Series[str], where: str) -> str:
    """The verdict in words; nothing on a configuration that is alone."""
    best = f"[bold]{names[found.best]}[/]"
    if found.kind == "alone":
        return ""
    if found.kind == "fastest" and found.blocks < FEWEST_BLOCKS:
        twice = "was more than twice as fast as any other"
        return f"{best} {twice}{where}; fewer than three blocks give no interval."
    if found.kind == "fastest":
        return f"[bold green]Fastest:[/] {best}{where}"
    if found.kind == "unknown":
        return f"{best} was fastest{where}; fewer than three blocks give no interval."
    tied = f"[bold]{listed([names[number] for number in found.tied])}[/]"
    cheapest = f"the cheapest of them is [bold]{names[found.cheapest]}[/]"
    if found.kind == "equal":
        return f"{tied} are within {INDIFFERENT:.0%} of each other{where}; {cheapest}."
    blocks = counted(found.blocks, "block")
    return f"{tied} can't be told apart in {blocks}{where}; {cheapest}. More --blocks may part them."
