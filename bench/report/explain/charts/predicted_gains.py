"""The chart of the gains of changes: predicted, and measured beside it."""

from __future__ import annotations

from typing import Any

from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter

from bench.analysis.explanation.explanation import Advice, Explanation
from bench.analysis.statistics import Estimate
from bench.report.charts.chart import Chart
from bench.report.charts.chart_words import join_sentences
from bench.report.charts.palette import BASELINE, BEST, FAINT, INK, MUTED
from bench.report.charts.row_axes import RowAxes, make_row_axes
from bench.report.explain.charts.chart_text import describe_context, shorten_change
from bench.report.explain.wording import format_gain
from bench.text import format_ratio, printable

# The axis shows these ratios at least: in a narrower one noise looks like a gain.
RANGE = (0.9, 1.1)
# Distance between the predicted gain and the actual one below it, in rows.
SHIFT = 0.1
PREDICTED: dict[str, Any] = {"color": BEST, "marker": "o", "markersize": 7}
ACTUAL: dict[str, Any] = {"color": BASELINE, "marker": "D", "markersize": 6}
NOW: dict[str, Any] = {"color": MUTED, "ls": ":", "lw": 1.4}
POSSIBLE: dict[str, Any] = {"color": INK, "ls": "--", "lw": 1.2}


def list_predicted(explanation: Explanation) -> list[Advice]:
    """Return the changes whose gain was predicted or measured, those worth making first."""
    changes = [*explanation.advice, *explanation.useless]
    return [advice for advice in changes if advice.gain is not None or advice.actual is not None]


def make_predicted_gains(explanation: Explanation) -> Chart | None:
    """Make the chart of each change's throughput over the present one; None where none was predicted."""
    changes = list_predicted(explanation)
    if not changes:
        return None
    verified = any(advice.actual is not None for advice in changes)
    title = "Gain of each change, predicted and actual" if verified else "Predicted gain of each change"
    rows = make_row_axes(len(changes), title, describe_context(explanation))
    for place, advice in enumerate(changes):
        rows.axes.axhline(place, color=FAINT, lw=0.8, zorder=0)
        shift = SHIFT if advice.actual is not None else 0.0
        _draw_gain(rows, place - shift, advice.gain, PREDICTED)
        _draw_gain(rows, place + shift, advice.actual, ACTUAL)
        rows.name(place, shorten_change(advice.change))
        gains = (advice.gain, advice.actual) if verified else (advice.gain,)
        rows.write(place, *("" if gain is None else format_gain(gain) for gain in gains))
        rows.draw_reference(place, 1.0, NOW)
        if explanation.possible is not None:
            rows.draw_reference(place, explanation.possible.median, POSSIBLE)
    handles = [Line2D([], [], label="as it is", **NOW)]
    if explanation.possible is not None:
        handles.append(Line2D([], [], label="infinitely fast loader", **POSSIBLE))
    if verified:
        handles = [
            Line2D([], [], label="predicted", **PREDICTED),
            Line2D([], [], label="actual", **ACTUAL),
            *handles,
        ]
    low, high = rows.axes.get_xlim()
    rows.axes.set_xlim(min(low, *RANGE), max(high, *RANGE))
    rows.axes.xaxis.set_major_formatter(FuncFormatter(lambda ratio, _: f"×{format_ratio(ratio)}"))
    rows.axes.set_xlabel("throughput over the present one", fontsize=9)
    rows.add_legend(handles)
    has_interval = any(
        gain is not None and gain.low is not None
        for advice in changes
        for gain in (advice.gain, advice.actual)
    )
    interval = "with its 95% interval" if has_interval else "without an interval, which needs three blocks"
    caption = join_sentences(f"A mark is the median of the blocks, {interval}", describe_context(explanation))
    return Chart("predicted_gains", title, _tell(changes), caption, rows.figure)


def _draw_gain(rows: RowAxes, place: float, gain: Estimate | None, look: dict[str, Any]) -> None:
    """Draw a gain with its interval."""
    if gain is None:
        return
    if gain.low is not None and gain.high is not None:
        rows.axes.plot([gain.low, gain.high], [place, place], color=look["color"], lw=2.2)
    rows.axes.plot(gain.median, place, ls="", **look)


def _tell(changes: list[Advice]) -> str:
    def gain(advice: Advice) -> float:
        found = advice.actual or advice.gain
        return found.median if found is not None else 0.0

    best = max(changes, key=gain)
    parts = []
    if best.gain is not None:
        parts.append(f"predicted {format_gain(best.gain)}")
    if best.actual is not None:
        parts.append(f"measured {format_gain(best.actual)}")
    return f"The largest gain of {len(changes)} is that of {printable(best.change)}: {', '.join(parts)}."
