"""The chart of break-even steps: the step time from which on the loader no longer matters."""

from __future__ import annotations

import math

import seaborn as sns
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, NullLocator

from bench.analysis.explanation.explanation import BreakEven, Explanation
from bench.report.explain.charts.chart_text import make_title, mark_axis, wrap_label
from bench.report.explain.wording import find_step_s
from bench.text import format_share, format_time

ROW_INCHES = 0.55
# The axis reaches this far beyond the outermost marks, as a factor.
REACH = 3.0


def list_break_even(explanation: Explanation) -> list[BreakEven]:
    """Return the break-even steps that can be drawn."""
    return [point for point in explanation.break_even if 0 < point.step_s < math.inf]


def draw_break_even(explanation: Explanation) -> Figure:
    """Draw one row a configuration: the step times at which its loader matters, up to the break-even step."""
    points = list_break_even(explanation)
    now = find_step_s(explanation)
    marks = [point.step_s * 1e3 for point in points] + ([now * 1e3] if now else [])
    low, high = min(marks) / REACH, max(marks) * REACH
    figure = Figure(figsize=(9, 1.7 + ROW_INCHES * len(points)))
    axes = figure.add_subplot()
    matters, free = sns.color_palette("colorblind")[3], sns.color_palette("colorblind")[2]
    for place, point in enumerate(points):
        step_ms = point.step_s * 1e3
        axes.barh(place, step_ms - low, left=low, color=matters, height=0.5)
        axes.barh(place, high - step_ms, left=step_ms, color=free, height=0.5)
        checked = "" if point.checked is None else f"\nchecked: {format_share(point.checked)}"
        axes.annotate(
            f"{format_time(point.step_s)}{checked}", (1.01, place), xycoords=("axes fraction", "data"),
            va="center",
        )  # fmt: skip
    axes.set_yticks(range(len(points)), [wrap_label(point.change) for point in points])
    axes.set_ylim(len(points) - 0.4, -0.6)
    axes.set_xscale("log")
    axes.set_xlim(low, high)
    axes.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_major_formatter(FuncFormatter(lambda step_ms, _: f"{step_ms:,g}"))
    if now:
        mark_axis(
            axes, now * 1e3, f"the step now: {format_time(now)}", before=now * 1e3 > math.sqrt(low * high)
        )
    verified = any(point.checked is not None for point in points)
    checked = "; checked: throughput over that of the step alone" if verified else ""
    axes.set_xlabel(f"time of a step in ms a batch{checked}")
    sns.despine(ax=axes)
    axes.barh([0], [0], left=low, color=matters, label="the loader matters")
    axes.barh([0], [0], left=low, color=free, label="it no longer matters")
    axes.legend(
        loc="upper center", bbox_to_anchor=(0.5, -0.6 / figure.get_figheight()), ncol=2, frameon=False
    )
    axes.set_title(
        make_title("Break-even step of each configuration", explanation.setup.name), loc="left", pad=20
    )
    return figure
