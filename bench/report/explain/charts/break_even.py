"""The chart of break-even steps: the step time from which on the loader no longer matters."""

from __future__ import annotations

import math
from typing import Any

from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.ticker import FuncFormatter, LogLocator, NullLocator

from bench.analysis.explanation.explanation import BreakEven, Explanation
from bench.report.charts.chart import Chart
from bench.report.charts.chart_words import join_sentences
from bench.report.charts.palette import BASELINE, INK
from bench.report.charts.row_axes import make_row_axes
from bench.report.explain.charts.chart_text import describe_context, shorten_change
from bench.report.explain.wording import find_step_s
from bench.text import format_share, format_time, join_few, printable

# The axis reaches this far beyond the outermost marks, as a factor.
REACH = 3.0
MATTERS: dict[str, Any] = {"color": BASELINE}
FREE: dict[str, Any] = {"color": "#8fc6b8"}
NOW: dict[str, Any] = {"color": INK, "ls": ":", "lw": 1.4}


def list_break_even(explanation: Explanation) -> list[BreakEven]:
    """Return the break-even steps that can be drawn."""
    return [point for point in explanation.break_even if 0 < point.step_s < math.inf]


def make_break_even(explanation: Explanation) -> Chart | None:
    """Make the chart of the step times at which each configuration's loader matters; None without one."""
    points = list_break_even(explanation)
    if not points:
        return None
    now = find_step_s(explanation)
    marks = [point.step_s * 1e3 for point in points] + ([now * 1e3] if now else [])
    low, high = min(marks) / REACH, max(marks) * REACH
    title = "Break-even step of each configuration"
    rows = make_row_axes(len(points), title, describe_context(explanation))
    for place, point in enumerate(points):
        step_ms = point.step_s * 1e3
        rows.axes.barh(place, step_ms - low, left=low, height=0.4, **MATTERS)
        rows.axes.barh(place, high - step_ms, left=step_ms, height=0.4, **FREE)
        rows.name(place, shorten_change(point.change))
        checked = "" if point.checked is None else f"checked: {format_share(point.checked)}"
        rows.write(place, checked, format_time(point.step_s))
    rows.axes.set_xscale("log")
    rows.axes.set_xlim(low, high)
    rows.axes.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    rows.axes.xaxis.set_minor_locator(NullLocator())
    rows.axes.xaxis.set_major_formatter(FuncFormatter(lambda step_ms, _: f"{step_ms:,g}"))
    rows.axes.set_xlabel("time of a step in ms a batch", fontsize=9)
    handles: list[Any] = [
        Patch(label="the loader matters", **MATTERS),
        Patch(label="it no longer matters", **FREE),
    ]
    if now:
        rows.axes.axvline(now * 1e3, zorder=3, **NOW)
        handles.append(Line2D([], [], label=f"the step now: {format_time(now)}", **NOW))
    rows.add_legend(handles)
    verified = any(point.checked is not None for point in points)
    caption = join_sentences(
        "From its break-even step on, a loader no longer slows the training",
        "Checked is the throughput with such a step over that of the step alone" if verified else "",
        describe_context(explanation),
    )
    return Chart("break_even", title, _tell(points, now), caption, rows.figure)


def _tell(points: list[BreakEven], now: float | None) -> str:
    steps = join_few(f"{format_time(point.step_s)} ({printable(point.change)})" for point in points)
    told = f"The loader no longer slows the training from a step of {steps} on"
    return f"{told}." if now is None else f"{told}; the step now takes {format_time(now)}."
