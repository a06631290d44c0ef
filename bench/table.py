"""What a sweep says in the terminal: its plan before, the ranked table and what follows from it after."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import psutil
from rich import box
from rich.console import Console
from rich.markup import escape
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from bench.grid import Plan
from bench.progress import duration
from bench.summary import labels, names_of_work

# Two speeds this close are the same to anyone who trains.
INDIFFERENT = 0.02
# Less than this share of the best's speed, and no interval is asked for to call it slower.
NEAR = 0.5
# The share of all cores in use before a sweep, above which it's said that others are at work.
BUSY = 0.15
PIPE_WIDTH = 120
COLUMNS = (
    "#", "configuration", "samples/s", "interval", "× baseline", "interval", "waiting", "first batch",
    "memory",
)  # fmt: skip
# A terminal narrower than this gets the first columns only.
WIDE, NARROW_COLUMNS = 116, 6


def console() -> Console:
    """A console as wide as the terminal; in a file or a pipe wide enough for the table."""
    terminal = Console(highlight=False)
    return terminal if terminal.is_terminal else Console(highlight=False, width=PIPE_WIDTH)


def print_notices(console: Console, notices: list[str]) -> None:
    """Notices that can't be missed."""
    for notice in notices:
        console.print(Panel(escape(notice), title="NOTICE", border_style="bold yellow", style="yellow"))


def print_plan(
    console: Console, plan: Plan, names: list[str], samples: int, blocks: int, epochs: int
) -> None:
    """The configurations, what was left out and why, and how long the sweep will about take."""
    table = Table(title="Plan", title_justify="left", box=None, pad_edge=False)
    table.add_column("#", justify="right")
    table.add_column("configuration")
    table.add_column("")
    for number, name in enumerate(names):
        remark = plan.unavailable.get(number, "baseline" if plan.baselines[number] == number else "")
        table.add_row(str(number), escape(name), escape(remark))
    console.print(table)
    print_dropped(console, plan)
    print_start(console, plan, "", samples, blocks, epochs)


def print_start(console: Console, plan: Plan, dataset: str, samples: int, blocks: int, epochs: int) -> None:
    """How much there is to measure, and about how long that takes."""
    estimates_s = plan.estimates_s(samples, epochs)
    console.print(
        f"{_count(len(estimates_s), 'configuration')} × {_count(blocks, 'block')} × "
        f"{_count(epochs, 'epoch')} of {_count(samples, 'sample')}"
        + (f" ({dataset})" if dataset else "")
        + f": about {duration(blocks * sum(estimates_s.values()))}, by the rates of a machine with two cores",
        soft_wrap=True,
    )


def print_load(console: Console) -> None:
    """Say where others use the machine that is about to be measured."""
    share = psutil.cpu_percent(interval=0.5) / 100
    if share > BUSY:
        console.print(
            f"[bold yellow]The machine is busy:[/] {share:.0%} of its cores are in use before anything is "
            "measured. Expect wide intervals, or wait until it is quiet.",
            soft_wrap=True,
        )


def print_end(console: Console, folder: Path, skipped: int, *, interrupted: bool) -> None:
    """What was not measured, and where the results lie."""
    if skipped:
        console.print(
            f"[yellow]The budget left out[/] {_count(skipped, 'trial')}; give --blocks or --budget for more.",
            soft_wrap=True,
        )
    if interrupted:
        console.print("[bold yellow]Interrupted[/]: what was measured until then is kept.")
    console.print(f"Results: {escape(str(folder))}", soft_wrap=True)


def print_dropped(console: Console, plan: Plan) -> None:
    """What was asked for and can't be measured here: one line a reason."""
    for reason, count in Counter(reason for _, reason in plan.dropped).items():
        console.print(
            f"[yellow]left out[/] {_count(count, 'configuration')}: {escape(reason)}", soft_wrap=True
        )
    for number, reason in plan.unavailable.items():
        console.print(f"[yellow]unavailable[/] configuration {number}: {escape(reason)}", soft_wrap=True)


def print_summary(console: Console, summary: pd.DataFrame) -> None:
    """The ranked table, one section for each kind of work, and who is fastest in each."""
    of_work, of_loader = names_of_work(summary)
    summary = summary.assign(
        work=[" ".join(f"{name}={line[name]}" for name in of_work) for _, line in summary.iterrows()],
        label=labels(summary, of_loader),
    )
    wide = console.width >= WIDE
    columns = COLUMNS if wide else COLUMNS[:NARROW_COLUMNS]
    table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, padding=(0, int(wide), 0, 0))
    title = f"Throughput of {summary['phase'].iloc[0]} epochs, with 95% intervals\n"
    table.title, table.title_justify = title, "left"
    for name in columns:
        table.add_column(name, justify="left" if name == "configuration" else "right", no_wrap=True)
    verdicts = []
    for work, group in summary.groupby("work", sort=False):
        if work:
            table.add_row("", Text(str(work), style="italic cyan"))
        for _, line in group.sort_values("rank", na_position="last").iterrows():
            table.add_row(*_cells(line)[: len(columns)])
        verdicts.append(_verdict(group))
    console.print(table)
    for verdict in filter(None, verdicts):
        console.print(verdict, soft_wrap=True)
    names = summary["label"] + [f" ({work})" if work else "" for work in summary["work"]]
    baselines = names[summary["configuration"] == summary["baseline"]]
    console.print(f"Baseline: {escape('; '.join(baselines))}", soft_wrap=True)
    for index, line in summary[summary["status"] != "ok"].iterrows():
        console.print(
            f"[bold red]{line['status']}[/] {escape(names[index])}: {escape(line['error'])}", soft_wrap=True
        )


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


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
        f"{line['data_wait_s'] / line['wall_s']:.0%}",
        f"{line['time_to_first_batch_s'] * 1e3:,.0f} ms",
        f"{memory / 2**20:,.0f} MiB" if pd.notna(memory) else "",
    ]


def short(number: float) -> str:
    """Three digits and a unit, as in 1.23M, 45.6k or 789."""
    for least, scale, unit in ((999.5e3, 1e6, "M"), (999.5, 1e3, "k")):
        if number >= least:
            scaled = number / scale
            return f"{scaled:.{0 if scaled >= 99.95 else 1 if scaled >= 9.995 else 2}f}{unit}"
    return f"{number:.0f}"


def _interval(line: pd.Series, name: str, form: Callable[[float], str]) -> str:
    low, high = line[f"{name}_low"], line[f"{name}_high"]
    return "" if pd.isna(low) else f"{form(low)}–{form(high)}"


def _verdict(group: pd.DataFrame) -> str:
    """Who is fastest among those that do the same work, or which of them can't be told apart."""
    ranked = group[group["rank"].notna()].sort_values("rank")
    if len(ranked) < 2:
        return ""
    best, others = ranked.iloc[0], ranked.iloc[1:]
    where = f" ({escape(best['work'])})" if best["work"] else ""
    # What is far behind needs no interval to be so.
    near = others[others["ratio_to_best"] >= NEAR]
    if near["ratio_to_best_high"].isna().any():
        return (
            f"[bold]{escape(best['label'])}[/] was fastest{where}; fewer than three blocks give no interval."
        )
    tied = near[(near["ratio_to_best_high"] >= 1) | (near["ratio_to_best"] >= 1 - INDIFFERENT)]
    if tied.empty:
        return f"[bold green]Fastest:[/] [bold]{escape(best['label'])}[/]{where}"
    contenders = ranked.loc[[best.name, *tied.index]]
    *firsts, last = (escape(label) for label in contenders["label"])
    names = f"[bold]{', '.join(firsts)} and {last}[/]"
    workers = pd.to_numeric(contenders.get("num_workers", pd.Series("", contenders.index)), errors="coerce")
    costs = contenders.assign(workers=workers.fillna(0)).sort_values(["workers", "peak_memory_bytes"])
    cheapest = f"the cheapest of them is [bold]{escape(costs['label'].iloc[0])}[/]"
    if (tied["ratio_to_best"] >= 1 - INDIFFERENT).all():
        return f"{names} are within {INDIFFERENT:.0%} of each other{where}; {cheapest}."
    blocks = _count(int(contenders["blocks"].min()), "block")
    return f"{names} can't be told apart in {blocks}{where}; {cheapest}. More --blocks may part them."
