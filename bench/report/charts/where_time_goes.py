"""The chart of the parts of an epoch."""

from __future__ import annotations

import pandas as pd
import seaborn as sns
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter

from bench.analysis.throughputs import is_in_phase, select_counted
from bench.report.charts.layout import add_legend, annotate_row, make_rows, make_title

# Parts of an epoch in the order in which they happen, with the column of each.
PARTS = {
    "start-up and first batch": "time_to_first_batch_s",
    "waiting for data": "later_wait_s",
    "transfer": "transfer_s",
    "train step": "step_s",
    "teardown": "teardown_s",
}


def draw_where_time_goes(summary: pd.DataFrame, runs: pd.DataFrame) -> Figure:
    """Draw the parts of an epoch of each configuration as shares of it, and its length beside them."""
    summary = summary.sort_values("samples_per_s", ascending=False)
    phase = summary["phase"].iloc[0]
    parts = _mean_parts(runs, phase).loc[summary["configuration"]]
    figure, axes = make_rows(summary)
    left = pd.Series(0.0, index=parts.index)
    for (name, column), color in zip(PARTS.items(), sns.color_palette("colorblind"), strict=False):
        if not parts[column].any():
            continue
        share = parts[column] / parts["wall_s"]
        axes.barh(range(len(parts)), share, left=left, color=color, label=name, height=0.7)
        left += share
    for place, seconds in enumerate(parts["wall_s"]):
        annotate_row(axes, place, f"{seconds:.3g} s")
    axes.set_xlim(0, 1)
    axes.xaxis.set_major_formatter(FuncFormatter(lambda share, _: f"{share:.0%}"))
    axes.set_xlabel(f"share of a {phase} epoch (the rest: harness and audit); on the right its mean length")
    add_legend(figure, axes, columns=3)
    axes.set_title(make_title("Where the time of an epoch goes", summary), loc="left")
    return figure


def _mean_parts(runs: pd.DataFrame, phase: str) -> pd.DataFrame:
    """Return the mean parts of the epochs of each configuration, in seconds."""
    runs = runs.assign(later_wait_s=runs["data_wait_s"] - (runs["time_to_first_batch_s"] - runs["startup_s"]))
    counted = select_counted(runs, phase)
    timed = counted[is_in_phase(counted, phase)]
    # Means of the parts add up to the mean of the whole; medians don't.
    means: pd.DataFrame = timed.groupby("configuration")[["wall_s", *PARTS.values()]].mean()
    return means
