"""The chart of the gains of changes: predicted, and measured beside it."""

from __future__ import annotations

import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter

from bench.analysis.explanation.explanation import Advice, Explanation
from bench.analysis.statistics import Estimate
from bench.report.explain.charts.chart_text import make_title, mark_axis, wrap_label
from bench.report.explain.wording import format_gain
from bench.text import format_ratio

ROW_INCHES = 0.62
# Distance between the predicted gain and the actual one below it, in rows.
SHIFT = 0.16
# The axis shows these ratios at least: in a narrower one noise looks like a gain.
RANGE = (0.9, 1.1)


def list_predicted(explanation: Explanation) -> list[Advice]:
    """Return the changes whose gain was predicted or measured, those worth making first."""
    changes = [*explanation.advice, *explanation.useless]
    return [advice for advice in changes if advice.gain is not None or advice.actual is not None]


def draw_predicted_gains(explanation: Explanation) -> Figure:
    """Draw the throughput of each change over the present one, with its interval."""
    changes = list_predicted(explanation)
    figure = Figure(figsize=(9, 1.7 + ROW_INCHES * len(changes)))
    axes = figure.add_subplot()
    predicted, actual = sns.color_palette("colorblind", 2)
    verified = any(advice.actual is not None for advice in changes)
    for place, advice in enumerate(changes):
        _draw_gain(axes, place - SHIFT * (advice.actual is not None), advice.gain, predicted, "o")
        _draw_gain(axes, place + SHIFT, advice.actual, actual, "D")
    axes.set_yticks(range(len(changes)), [wrap_label(advice.change) for advice in changes])
    axes.set_ylim(len(changes) - 0.4, -0.6)
    possible = 1.0 if explanation.possible is None else explanation.possible.median
    mark_axis(axes, 1.0, "as it is", before=possible >= 1)
    if explanation.possible is not None:
        mark_axis(axes, possible, "infinitely fast loader", before=possible < 1)
    low, high = axes.get_xlim()
    axes.set_xlim(min(low, *RANGE), max(high, *RANGE))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda ratio, _: f"×{format_ratio(ratio)}"))
    axes.set_xlabel("throughput over the present one (median of the blocks and 95% interval)")
    sns.despine(ax=axes)
    if verified:
        axes.plot([], [], "o-", color=predicted, label="predicted")
        axes.plot([], [], "D-", color=actual, label="actual")
        axes.legend(
            loc="upper center", bbox_to_anchor=(0.5, -0.6 / figure.get_figheight()), ncol=2, frameon=False
        )
    title = "Gain of each change, predicted and actual" if verified else "Predicted gain of each change"
    axes.set_title(make_title(title, explanation.setup.name), loc="left", pad=20)
    return figure


def _draw_gain(axes: Axes, place: float, gain: Estimate | None, color: object, marker: str) -> None:
    """Draw a gain with its interval, and its figures at the right end of the row."""
    if gain is None:
        return
    if gain.low is not None and gain.high is not None:
        axes.plot([gain.low, gain.high], [place, place], color=color, lw=2)
    axes.plot(gain.median, place, marker, color=color, ms=7)
    axes.annotate(
        format_gain(gain),
        (1.01, place),
        xycoords=("axes fraction", "data"),
        va="center",
        color=color,
        fontsize=9,
    )
