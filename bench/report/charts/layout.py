"""Parts that charts have in common: rows, scales, titles."""

from __future__ import annotations

import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, NullLocator

ROW_INCHES = 0.34


def make_rows(summary: pd.DataFrame) -> tuple[Figure, Axes]:
    """Make a figure with one horizontal line a configuration, the first line of the summary on top."""
    figure = Figure(figsize=(9, 1.6 + ROW_INCHES * len(summary)))
    axes = figure.add_subplot()
    axes.set_yticks(range(len(summary)), summary["label"].tolist())
    axes.set_ylim(len(summary) - 0.4, -0.6)
    sns.despine(ax=axes)
    return figure, axes


def annotate_row(axes: Axes, place: int, text: str) -> None:
    """Write a text at the right end of a row."""
    axes.annotate(text, (1.01, place), xycoords=("axes fraction", "data"), va="center")


def add_legend(figure: Figure, axes: Axes, columns: int) -> None:
    """Add a legend below the axes, at the same distance whatever the height of the figure."""
    below = (0.5, -0.75 / figure.get_figheight())
    axes.legend(loc="upper center", bbox_to_anchor=below, ncol=columns, frameon=False)


def scale_throughput(axes: Axes, values: pd.Series[float]) -> None:
    """Scale the x axis for throughputs: logarithmic where they span more than a factor of ten."""
    # A linear axis would show only the fastest.
    if values.max() > 10 * values.min():
        axes.set_xscale("log")
        axes.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        axes.xaxis.set_minor_locator(NullLocator())
    else:
        axes.set_xlim(0, None)
    axes.xaxis.set_major_formatter(FuncFormatter(format_tick))


def format_tick(value: float, _: int | None) -> str:
    """Return a throughput as the text of a tick, such as `20k` or `1.5M`."""
    return f"{value / 1e6:g}M" if value >= 1e6 else f"{value / 1e3:g}k"


def make_title(text: str, summary: pd.DataFrame) -> str:
    """Return a title that names the data, the device, the phase and the number of blocks."""
    parts = [", ".join(sorted(summary[name].unique())) for name in ("dataset", "device")]
    fewest, most = int(summary["blocks"].min()), int(summary["blocks"].max())
    blocks = f"{fewest} to {most} blocks" if fewest < most else f"{most} block{'s' * (most > 1)}"
    return f"{text} ({', '.join(parts)}, {summary['phase'].iloc[0]} epochs, {blocks})"
