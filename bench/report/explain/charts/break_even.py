"""The chart of break-even steps: throughput against the time of a step, for each configuration."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import seaborn as sns
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, NullLocator

from bench.analysis.explanation.explanation import BreakEven, Explanation
from bench.report.charts.layout import format_tick
from bench.report.explain.charts.chart_text import make_plain, make_title, mark_axis
from bench.report.explain.wording import find_step_s, format_time

# Lines reach this far beyond the outermost break-even steps, as a factor.
REACH = 4.0
STYLES = ("-", "--", "-.", ":")


def list_break_even(explanation: Explanation) -> list[BreakEven]:
    """Return the break-even steps that can be drawn."""
    return [point for point in explanation.break_even if 0 < point.step_s < math.inf]


def draw_break_even(explanation: Explanation) -> Figure:
    """Draw the throughput of each configuration against the time of a step.

    A loader delivers a batch each break-even step at most. A longer step bounds the training itself.
    """
    points = list_break_even(explanation)
    samples = explanation.setup.batch_size or 1
    figure = Figure(figsize=(9, 4.6))
    axes = figure.add_subplot()
    now = find_step_s(explanation)
    steps = _choose_steps([point.step_s for point in points], now)
    for number, (point, color) in enumerate(
        zip(points, sns.color_palette("colorblind", len(points)), strict=True)
    ):
        rate = samples / np.maximum(steps, point.step_s)
        label = f"from {format_time(point.step_s)} on: {make_plain(point.change)}"
        axes.plot(steps * 1e3, rate, ls=STYLES[number % len(STYLES)], color=color, lw=2, label=label)
        axes.plot(point.step_s * 1e3, samples / point.step_s, "o", color=color, ms=7)
        if point.checked is not None:
            # The share of the step's own throughput that was measured there.
            measured = point.checked * samples / point.step_s
            axes.plot(
                point.step_s * 1e3,
                measured,
                "D",
                mfc="none",
                color=color,
                ms=9,
                label=f"checked: {point.checked:.0%} of the step's rate",
            )
    axes.set_xscale("log")
    axes.set_yscale("log")
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        axis.set_minor_locator(NullLocator())
    axes.xaxis.set_major_formatter(FuncFormatter(lambda step_ms, _: f"{step_ms:g}"))
    axes.yaxis.set_major_formatter(FuncFormatter(format_tick))
    if now is not None and steps[0] <= now <= steps[-1]:
        mark_axis(axes, now * 1e3, f"the step now: {format_time(now)}")
    axes.set_xlabel("step in ms a batch; where lines meet, the loader no longer matters")
    axes.set_ylabel("samples/s" if explanation.setup.batch_size else "batches/s")
    sns.despine(ax=axes)
    axes.legend(framealpha=1, edgecolor="white", fontsize=9, loc="lower left")
    axes.set_title(
        make_title("Break-even step of each configuration", explanation.setup.name), loc="left", pad=20
    )
    return figure


def _choose_steps(break_even_s: Sequence[float], now: float | None) -> np.ndarray:
    """Return times of a step from below all marks to above them, shape (200,), float64, in seconds."""
    marks = [*break_even_s, *([now] if now else [])]
    low, high = math.log10(min(marks) / REACH), math.log10(max(marks) * REACH)
    # The corners of the lines belong to the points that are drawn.
    return np.sort(np.concatenate([np.logspace(low, high, 200), break_even_s]))
