"""The chart of the gains in fresh blocks, with their intervals and the ceiling."""

from __future__ import annotations

import math

from matplotlib.lines import Line2D

from bench.analysis.tuning.tuning import Tuning
from bench.report.charts.chart import Chart, mark_configuration
from bench.report.charts.chart_words import join_sentences, shorten
from bench.report.charts.palette import FAINT
from bench.report.charts.row_axes import NAME_LETTERS, make_row_axes
from bench.report.explain.wording import format_gain
from bench.report.tune.charts.looks import (
    CEILING,
    NOW,
    OVER_PRESENT,
    choose_look,
    describe_context,
    list_looks,
    scale_ratios,
)
from bench.report.tune.words import describe_confirmed, name_row, name_setting, order_candidates
from bench.text import format_count, format_rate

NAME, TITLE = "fresh_gains", "The gain in fresh blocks"
# The axis shows these ratios at least: in a narrower one noise looks like a gain.
NARROWEST = (0.9, 1.1)


def make_fresh_gains(tuning: Tuning) -> Chart | None:
    """Make the chart of the gains in fresh blocks; None without such blocks."""
    confirmed = tuning.outcome.confirmed
    shown = [number for number in order_candidates(tuning) if number in confirmed]
    if not any(shown):
        return None
    context = describe_context(tuning)
    rows = make_row_axes(len(shown), TITLE, context)
    values = [*NARROWEST]
    handles = [Line2D([], [], ls="", label=name, **look) for look, name in list_looks(tuning, shown)]
    if (ceiling := find_ceiling_ratio(tuning)) is not None:
        values.append(ceiling)
        handles.append(Line2D([], [], label="the step alone", **CEILING))
    for place, number in enumerate(shown):
        one, look = confirmed[number], choose_look(tuning, number)
        rows.axes.axhline(place, color=FAINT, lw=0.8, zorder=0)
        rows.draw_reference(place, 1.0, NOW)
        if ceiling is not None:
            rows.draw_reference(place, ceiling, CEILING)
        rows.name(place, shorten(name_row(tuning, number), NAME_LETTERS - 8))
        rate = f"{format_rate(one.samples_per_s.median)}/s"
        rows.write(place, rate, "" if number == 0 else format_gain(one.gain))
        parts = rows.axes.plot(one.gain.median, place, ls="", zorder=3, **look)
        values.append(one.gain.median)
        ends = [end for end in (one.gain.low, one.gain.high) if end is not None and 0 < end < math.inf]
        if number and len(ends) == 2:
            parts += rows.axes.plot(ends, [place, place], color=look["color"], lw=2.2)
            values += ends
        for part in parts:
            mark_configuration(part, number)
    scale_ratios(rows.axes.xaxis, values)
    rows.axes.set_xlabel(OVER_PRESENT, fontsize=9)
    rows.add_legend(handles)
    blocks = format_count(tuning.outcome.confirm_blocks, "block")
    compared = len([number for number in shown if number])
    corrected = f", corrected for {compared} comparisons" if compared > 1 else ""
    caption = join_sentences(
        f"A mark is the median of {blocks} that took no part in the choice, with its 95% interval{corrected}",
        "No loader can get beyond the step alone" if ceiling is not None else "",
        context,
    )
    return Chart(NAME, TITLE, _tell(tuning, shown), caption, rows.figure, tuple(shown))


def find_ceiling_ratio(tuning: Tuning) -> float | None:
    """Return the throughput of the step alone over that of the present configuration; None if unknown."""
    share = tuning.ceiling_share
    if share is None or share.median <= 0:
        return None
    chosen = tuning.outcome.confirmed.get(tuning.outcome.chosen)
    return None if chosen is None else chosen.gain.median / share.median


def _tell(tuning: Tuning, shown: list[int]) -> str:
    told = [
        f"{name_setting(tuning, number)} has {describe_confirmed(tuning, number)}."
        for number in shown
        if number
    ]
    return " ".join(told)
