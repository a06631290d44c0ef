"""The chart of a comparison: the ratio of each configuration with its interval, beside the margin."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from bench.analysis.comparison.comparison import ComparedConfiguration, Comparison, Judgement
from bench.report.charts.chart import Chart, mark_configuration
from bench.report.charts.drawing import prepare_drawing
from bench.report.comparison.words import (
    describe_answer,
    describe_method,
    format_factor,
    format_interval,
    format_margin,
    order_configurations,
)
from bench.text import format_count

if TYPE_CHECKING:
    from bench.report.charts.row_axes import RowAxes

# Rows beyond are left out. The worst come first.
MOST_ROWS = 40
NAME = "comparison"
# A ratio beyond would squeeze all others. Its mark stands at the edge.
FARTHEST = 4.0


def make_comparison_chart(comparison: Comparison) -> Chart | None:
    """Make the chart of a comparison.

    Returns:
        The chart; None where no configuration has a ratio.

    Raises:
        ChartsError: matplotlib or seaborn can't be imported, or they fail.
    """
    known = [one for one in order_configurations(comparison) if one.ratio is not None]
    if not known:
        return None
    with prepare_drawing():
        return _draw(comparison, known)


def _draw(comparison: Comparison, known: list[ComparedConfiguration]) -> Chart:
    # Imported here: matplotlib reads its settings when it is imported.
    from bench.report.charts.chart_words import NAME_LETTERS, shorten
    from bench.report.charts.palette import FAINT, MUTED
    from bench.report.charts.row_axes import make_row_axes

    title = "B/A: the ratio of the throughputs"
    if comparison.options.across_machines:
        title = "B/A: the ratio of the ratios to the baseline"
    shown = known[:MOST_ROWS]
    chart = make_row_axes(len(shown), title, "left of the band B is slower, right of it faster")
    low = 1 - comparison.options.margin
    chart.axes.axvspan(low, 1 / low, color=FAINT, lw=0, zorder=0)
    for place, one in enumerate(shown):
        # A line over the whole height would cross the figures of a slower one.
        chart.draw_reference(place, 1, {"color": MUTED, "lw": 1})
        chart.name(place, shorten(one.name, NAME_LETTERS - 24))
        ratio = one.ratio
        if ratio is not None:
            chart.write(
                place, f"{format_factor(ratio.median)}  {_parenthesise(format_interval(ratio))}".rstrip()
            )
        _draw_row(chart, place, one)
    _scale(chart, shown, low)
    chart.axes.set_xlabel("B/A", fontsize=9)
    chart.add_legend(_make_handles(shown, comparison))
    more = len(known) - len(shown)
    left_out = f" {format_count(more, 'more configuration')} aren't shown." if more else ""
    return Chart(
        NAME,
        title,
        describe_answer(comparison),
        f"The band is the margin of {format_margin(comparison)}. {describe_method(comparison)}{left_out}",
        chart.figure,
        tuple(one.number_a for one in shown),
    )


def _parenthesise(text: str) -> str:
    return f"({text})" if text else ""


def _draw_row(chart: RowAxes, place: int, one: ComparedConfiguration) -> None:
    ratio, look = one.ratio, _choose_look(one.judgement)
    if ratio is None:
        return
    parts: list[Any] = []
    if ratio.low is not None and ratio.high is not None:
        ends = [_limit(ratio.low), _limit(ratio.high)]
        parts += chart.axes.plot(ends, [place, place], color=look["color"], lw=2.2)
    parts += chart.axes.plot(_limit(ratio.median), place, ls="", **look)
    for part in parts:
        mark_configuration(part, one.number_a)


def _choose_look(judgement: Judgement) -> dict[str, Any]:
    """Return the look of a mark: colours for the colour-blind, and a marker of its own for each judgement."""
    from bench.report.charts.palette import BASELINE, BEST, MUTED

    hollow = {"markerfacecolor": "none", "markeredgewidth": 1.6}
    looks: dict[Judgement, dict[str, Any]] = {
        "slower": {"marker": "v", "color": BASELINE, "markersize": 8},
        "faster": {"marker": "^", "color": BEST, "markersize": 8},
        "same": {"marker": "o", "color": MUTED, "markersize": 6},
        "undecided": {"marker": "o", "color": MUTED, "markersize": 6.5, **hollow},
    }
    return looks[judgement]


def _limit(ratio: float) -> float:
    return min(max(ratio, 1 / FARTHEST), FARTHEST)


def _scale(chart: RowAxes, shown: list[ComparedConfiguration], low: float) -> None:
    """Scale the axis by factors, so that half as fast and twice as fast are equally far from 1."""
    from matplotlib.ticker import FuncFormatter, MaxNLocator, NullLocator

    values = [
        _limit(value)
        for one in shown
        if one.ratio is not None
        for value in (one.ratio.low, one.ratio.median, one.ratio.high)
        if value is not None
    ]
    least, most = min([*values, low]), max([*values, 1 / low])
    chart.axes.set_xscale("log")
    chart.axes.set_xlim(least / 1.03, most * 1.03)
    chart.axes.xaxis.set_minor_locator(NullLocator())
    chart.axes.xaxis.set_major_locator(MaxNLocator(7, steps=[1, 2, 2.5, 5, 10]))
    chart.axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:.4g}"))


def _make_handles(shown: list[ComparedConfiguration], comparison: Comparison) -> list[Any]:
    """Return one mark for each judgement that is there, and the band of the margin."""
    from matplotlib.lines import Line2D
    from matplotlib.patches import Patch

    from bench.report.charts.palette import FAINT

    judgements = dict.fromkeys(one.judgement for one in shown)
    handles: list[Any] = [Line2D([], [], ls="", label=name, **_choose_look(name)) for name in judgements]
    return [*handles, Patch(color=FAINT, label=f"within {format_margin(comparison)}")]
