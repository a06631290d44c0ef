"""What a sweep says in the terminal: its plan before, the ranked table and what follows from it after."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pandas as pd
from rich import box
from rich.console import Console
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from bench.analysis.naming import find_varied, list_knobs, make_labels, split_names
from bench.analysis.statistics import FEWEST_BLOCKS
from bench.analysis.ties import INDIFFERENT
from bench.analysis.verdict import Verdict, reach_verdict
from bench.analysis.warnings import find_warnings
from bench.text import abbreviate, format_count, join_words

COLUMNS = (
    "#", "configuration", "samples/s", "interval", "× base", "interval", "of ceiling", "waiting", "1st batch",
    "memory",
)  # fmt: skip
# A narrower terminal gets fewer columns, the last first, but never less than these.
FEWEST_COLUMNS = 6


def print_summary(console: Console, summary: pd.DataFrame) -> None:
    """The ranked table, one section for each kind of work, who is fastest in each, and what to be wary of."""
    of_work, of_loader = split_names(summary)
    summary = summary.assign(
        work=[" ".join(f"{name}={line[name]}" for name in of_work) for _, line in summary.iterrows()],
        label=make_labels(summary, of_loader),
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
            verdicts.append(
                _said(reach_verdict(ranked), own_names, f" ({escape(str(work))})" if work else "")
            )
    console.print(_ranking(console, rows, summary["phase"].iloc[0]))
    names = summary["label"] + [f" ({work})" if work else "" for work in summary["work"]]
    for line in filter(None, verdicts):
        console.print(line, soft_wrap=True)
    for warning in find_warnings(summary, dict(zip(summary["configuration"], names, strict=True))):
        console.print(f"[bold yellow]{warning.title}:[/] {escape(warning.text)}", soft_wrap=True)
    names = names.map(escape)
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
    known = ("dataset", "device", *list_knobs(summary), "num_threads", "step", "loss")
    # A cell is empty where a family has no such knob; `none` and `off` leave things as they are.
    values = {name: set(summary[name].astype(str)) - {"", "none", "off", "nan"} for name in known}
    named = find_varied(summary)
    return " ".join(
        f"{name}={next(iter(its))}" for name, its in values.items() if len(its) == 1 and name not in named
    )


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
        _interval(line, "samples_per_s", abbreviate),
        f"{line['ratio']:.3g}" if pd.notna(line["ratio"]) else "",
        _interval(line, "ratio", "{:.3g}".format)
        if line["configuration"] != line["baseline"]
        else "baseline",
        f"{_share(line['ceiling_share'])} {line['ceiling']}" if pd.notna(line["ceiling_share"]) else "",
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
    tied = f"[bold]{join_words([names[number] for number in found.tied])}[/]"
    cheapest = f"the cheapest of them is [bold]{names[found.cheapest]}[/]"
    if found.kind == "equal":
        return f"{tied} are within {INDIFFERENT:.0%} of each other{where}; {cheapest}."
    blocks = format_count(found.blocks, "block")
    return f"{tied} can't be told apart in {blocks}{where}; {cheapest}. More --blocks may part them."
