"""The ranked table of a sweep."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pandas as pd
from rich import box
from rich.console import Console
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from bench.analysis.possible_gain import SETTINGS
from bench.report.console import print_line
from bench.report.labels import Labels
from bench.report.sweep.answer_words import CEILINGS
from bench.report.sweep.common_settings import find_common
from bench.text import abbreviate, format_rate, format_ratio, format_share, join_words

COLUMNS = (
    "#", "configuration", "samples/s", "interval", "× base", "interval", "ceiling", "waiting", "1st batch",
    "memory",
)  # fmt: skip
# A narrow terminal gets fewer columns, the last first, but never fewer than these.
FEWEST_COLUMNS = 6
UNBOUNDED = 10_000


def print_table(console: Console, summary: pd.DataFrame, labels: Labels) -> None:
    """Print the ranked table, one section for each kind of work, and what all configurations share."""
    rows: list[list[str | Text]] = []
    works = summary["configuration"].map(labels.work)
    for work, group in summary.groupby(works, sort=False):
        if work:
            rows.append(["", Text(str(work), style="italic cyan")])
        for _, line in group.sort_values("rank", na_position="last").iterrows():
            rows.append(_make_cells(line, labels.short[int(line["configuration"])]))
    table = _fit_table(console, rows, summary["phase"].iloc[0])
    # Figures are never cut: where even the fewest columns are too wide, the terminal breaks their lines.
    table.width = console.measure(table, options=console.options.update(width=UNBOUNDED)).maximum
    console.print(table, crop=False)
    if len(table.columns) > COLUMNS.index("ceiling") and (ceilings := describe_ceilings(summary)):
        print_line(console, f"Ceiling: {ceilings}")
    if common := find_common(summary):
        print_line(console, f"All: {escape(', '.join(common))}")


def describe_ceilings(summary: pd.DataFrame) -> str:
    """Return in words what the shares of the ceiling are of; empty where there are none."""
    names = [name for name in CEILINGS if (summary["ceiling"] == name).any()]
    if not names:
        return ""
    known = summary[summary["ceiling"] != ""]
    own = [name for name in SETTINGS if known[name].nunique() > 1]
    named = " or ".join(f"{CEILINGS[name]} ({name})" for name in names)
    settings = f", with the {join_words(own)} of the row" if own else ""
    return f"samples/s over those of {named}{settings}"


def _fit_table(console: Console, rows: Sequence[Sequence[str | Text]], phase: str) -> Table:
    """Return the table with as many columns as fit; if the fewest don't, with less space between them."""
    unbounded = console.options.update(width=UNBOUNDED)
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


def _make_cells(line: pd.Series, label: str) -> list[str | Text]:
    if pd.isna(line["rank"]):
        status = "not measured" if line["status"] == "ok" else line["status"]
        return ["", escape(label), Text(status, style="red")]
    style = "bold" if line["rank"] == 1 else ""
    memory = line["peak_memory_bytes"]
    is_baseline = line["configuration"] == line["baseline"]
    return [
        f"{line['rank']:.0f}",
        Text(label, style=style),
        Text(format_rate(line["samples_per_s"]), style=style),
        _format_interval(line, "samples_per_s", abbreviate),
        format_ratio(line["ratio"]) if pd.notna(line["ratio"]) else "",
        "baseline" if is_baseline else _format_interval(line, "ratio", format_ratio),
        f"{format_share(line['ceiling_share'])} {line['ceiling']}" if line["ceiling"] else "",
        f"{line['data_wait_s'] / line['wall_s']:.0%}",
        f"{line['time_to_first_batch_s'] * 1e3:,.0f} ms",
        f"{memory / 2**20:,.0f} MiB" if pd.notna(memory) else "",
    ]


def _format_interval(line: pd.Series, name: str, form: Callable[[float], str]) -> str:
    low, high = line[f"{name}_low"], line[f"{name}_high"]
    return "" if pd.isna(low) else f"{form(low)}–{form(high)}"
