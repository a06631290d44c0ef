"""The chart of the parts of an epoch."""

from __future__ import annotations

import pandas as pd
from matplotlib.colors import to_rgb
from matplotlib.patches import Patch
from matplotlib.ticker import FuncFormatter

from bench.analysis.throughputs import is_in_phase, select_counted
from bench.report.charts.chart import Chart, mark_configuration
from bench.report.charts.chart_words import describe_context, describe_selection, join_sentences
from bench.report.charts.palette import SURFACE, choose_ink
from bench.report.charts.ranked_sweep import RankedSweep, is_baseline, list_numbers
from bench.report.charts.rows import RowChart, make_row_chart
from bench.text import join_words

# Parts of an epoch in the order in which they happen, with the column of each. Neighbours differ in
# brightness, so that they differ in black and white as well.
PARTS = {
    "start-up and first batch": ("time_to_first_batch_s", "#5b4fa2"),
    "waiting for data": ("later_wait_s", "#e8833a"),
    "transfer": ("transfer_s", "#a3487f"),
    "train step": ("step_s", "#7fbfe0"),
    "teardown": ("teardown_s", "#6f7f8f"),
}
COLUMNS = [column for column, _ in PARTS.values()]
# A part that is narrower has no room for its share.
ROOM = 0.055
BAR = 0.42


def make_where_time_goes(sweep: RankedSweep) -> Chart:
    """Make the chart of an epoch's parts as shares of it, with its length beside them."""
    title = "Where the time of an epoch goes"
    chart = make_row_chart(sweep, title, has_rests=False)
    shown = sweep.shown
    means = _mean_parts(sweep.runs, sweep.phase).loc[shown["configuration"]]
    shares = means[COLUMNS].div(means["wall_s"], axis=0)
    for place, line in chart.rows:
        number = int(line["configuration"])
        _draw_row(chart, place, number, shares.loc[number])
        chart.write(place, f"{means.loc[number, 'wall_s']:.3g} s")
    chart.axes.set_xlim(0, max(1.0, float(shares.sum(axis=1).max())))
    chart.axes.xaxis.set_major_formatter(FuncFormatter(lambda share, _: f"{share:.0%}"))
    chart.axes.set_xlabel(f"share of a {sweep.phase} epoch", fontsize=9)
    used = [(name, color) for name, (column, color) in PARTS.items() if shares[column].any()]
    chart.add_legend([Patch(color=color, label=name) for name, color in used], columns=3)
    caption = join_sentences(
        f"Mean of the {sweep.phase} epochs; on the right the length of one.",
        "What is left blank is the harness and its audit.",
        describe_selection(sweep),
        describe_context(sweep),
    )
    return Chart(
        "where_time_goes", title, _tell(sweep, shares), caption, chart.figure,
        list_numbers(shown),
    )  # fmt: skip


def _draw_row(chart: RowChart, place: float, number: int, shares: pd.Series[float]) -> None:
    """Draw the parts of one configuration one after another."""
    left = 0.0
    for column, color in PARTS.values():
        share = float(shares[column])
        if not share > 0:
            continue
        (bar,) = chart.axes.barh(
            place, share, left=left, color=color, height=BAR, edgecolor=SURFACE, linewidth=0.8
        )
        mark_configuration(bar, number)
        if share >= ROOM:
            chart.axes.text(
                left + share / 2, place, f"{share:.0%}", ha="center", va="center", fontsize=8,
                color=choose_ink(to_rgb(color)),
            )  # fmt: skip
        left += share


def _tell(sweep: RankedSweep, shares: pd.DataFrame) -> str:
    """Return the two largest parts of the fastest configuration and of its baseline."""
    lines = sweep.groups[0].shown
    told = [lines.iloc[0], *(line for _, line in lines.iloc[1:].iterrows() if is_baseline(line))]
    return " ".join(
        f"An epoch of {sweep.name_fully(line)} is {_describe_parts(shares.loc[line['configuration']])}."
        for line in told
    )


def _describe_parts(shares: pd.Series[float]) -> str:
    names = {column: name for name, (column, _) in PARTS.items()}
    largest = shares.sort_values(ascending=False).head(2)
    return join_words([f"{share:.0%} {names[str(column)]}" for column, share in largest.items()])


def _mean_parts(runs: pd.DataFrame, phase: str) -> pd.DataFrame:
    """Return the mean parts of the epochs of each configuration, in seconds."""
    runs = runs.assign(later_wait_s=runs["data_wait_s"] - (runs["time_to_first_batch_s"] - runs["startup_s"]))
    counted = select_counted(runs, phase)
    timed = counted[is_in_phase(counted, phase)]
    # Means of the parts add up to the mean of the whole; medians don't.
    means: pd.DataFrame = timed.groupby("configuration")[["wall_s", *COLUMNS]].mean()
    return means
