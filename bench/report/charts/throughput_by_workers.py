"""The chart of throughput against the number of workers."""

from __future__ import annotations

import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter

from bench.analysis.naming import find_varied, make_labels
from bench.report.charts.layout import format_tick, make_title

# Shift between the lines of two batch sizes, in workers: intervals at one place would hide each other.
SHIFT = 0.04


def has_workers(summary: pd.DataFrame) -> bool:
    """Return whether any configuration has a number of workers."""
    return "num_workers" in summary and bool((summary["num_workers"] != "").any())


def draw_throughput_by_workers(summary: pd.DataFrame) -> Figure:
    """Draw throughput against workers: one line a batch size, one panel for each of the other settings."""
    summary = summary[summary["num_workers"] != ""].copy()
    summary["num_workers"] = summary["num_workers"].astype(int)
    others = [name for name in find_varied(summary) if name not in ("num_workers", "batch_size")]
    summary["panel"] = make_labels(summary, others)
    panels = list(summary.groupby("panel", sort=False))
    # A panel with one number of workers shows no more than the ranking does.
    panels = [p for p in panels if p[1]["num_workers"].nunique() > 1] or panels
    sizes = sorted(summary["batch_size"].unique(), key=_read_size)
    figure = Figure(figsize=(1 + 4.2 * len(panels), 4.2), layout="constrained")
    for place, (name, panel) in enumerate(panels, start=1):
        axes = figure.add_subplot(1, len(panels), place)
        _draw_panel(axes, panel, sizes)
        axes.set_xticks(sorted(summary["num_workers"].unique()))
        axes.set_title(str(name), fontsize=10)
        if place == 1:
            axes.set_ylabel("samples/s")
    # One panel is narrower than the title in one line.
    title = make_title("Throughput by workers", summary).replace(" (", "\n(", 1)
    figure.suptitle(title, x=0.01, ha="left")
    return figure


def _read_size(size: str) -> int:
    """Return a batch size; 0 where the user's own sampler makes the batches."""
    return int(size) if size.isdigit() else 0


def _draw_panel(axes: Axes, panel: pd.DataFrame, sizes: list[str]) -> None:
    """Draw the line of each batch size that the panel has."""
    for place, (size, color) in enumerate(zip(sizes, sns.color_palette("viridis", len(sizes)), strict=True)):
        lines = panel[panel["batch_size"] == size].sort_values("num_workers")
        if lines.empty:
            continue
        middle = lines["samples_per_s"]
        workers = lines["num_workers"] + SHIFT * (place - (len(sizes) - 1) / 2)
        reach = [middle - lines["samples_per_s_low"], lines["samples_per_s_high"] - middle]
        axes.errorbar(
            workers.to_numpy(), middle.to_numpy(), yerr=np.nan_to_num(reach), color=color,
            marker="o", capsize=3, label=f"batch {size}" if size.isdigit() else "own batches",
        )  # fmt: skip
    axes.set_xlabel("num_workers")
    axes.set_ylim(0, None)
    axes.yaxis.set_major_formatter(FuncFormatter(format_tick))
    # The axis starts at 0, where no line runs.
    axes.legend(frameon=False, fontsize=9, loc="lower right")
    sns.despine(ax=axes)
