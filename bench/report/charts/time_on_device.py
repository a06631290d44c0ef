"""The chart of the time that a GPU takes for the parts of an epoch."""

from __future__ import annotations

import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.figure import Figure

from bench.report.charts.layout import add_legend, make_rows

# Parts of an epoch on the GPU, which run beside each other, with the column of each.
PARTS = {
    "loader's kernels": "device_data_s",
    "copies": "device_transfer_s",
    "steps": "device_step_s",
}


def draw_time_on_device(summary: pd.DataFrame) -> Figure:
    """Draw the time of an epoch's kernels, copies and steps on the GPU, measured by CUDA events."""
    summary = summary.sort_values("samples_per_s", ascending=False)
    figure, axes = make_rows(summary)
    height = 0.8 / len(PARTS)
    for number, (name, column) in enumerate(PARTS.items()):
        places = [place + (number - 1) * height for place in range(len(summary))]
        milliseconds = summary[column].to_numpy() * 1e3
        color = sns.color_palette("colorblind")[number]
        axes.barh(places, np.nan_to_num(milliseconds), color=color, label=name, height=height)
    axes.set_xlabel("ms of the GPU in an epoch; copies shorter than steps can hide behind them")
    add_legend(figure, axes, columns=3)
    datasets = ", ".join(sorted(summary["dataset"].unique()))
    axes.set_title(f"Time on the GPU ({datasets}, one epoch each, by CUDA events)", loc="left")
    return figure
