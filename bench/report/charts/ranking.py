"""The chart of the ranking: throughput of each configuration, by kind of work."""

from __future__ import annotations

from typing import Any

import pandas as pd
from matplotlib.lines import Line2D

from bench.analysis.answer import find_answers
from bench.analysis.intervals import from_cells
from bench.report.charts.chart import Chart, mark_configuration
from bench.report.charts.chart_words import (
    describe_context,
    describe_marks,
    describe_selection,
    join_sentences,
)
from bench.report.charts.palette import BASELINE, BEST, INK, MUTED
from bench.report.charts.ranked_sweep import RankedSweep, is_baseline, list_numbers
from bench.report.charts.rows import RowChart, make_row_chart
from bench.report.charts.scale import scale_axis
from bench.report.sweep.answer_words import describe_answer
from bench.text import format_count, format_rate, format_ratio

# Looks of a mark.
FASTEST: dict[str, Any] = {"marker": "o", "color": BEST, "markersize": 8}
TIED: dict[str, Any] = {
    "marker": "o",
    "color": BEST,
    "markersize": 7.5,
    "markerfacecolor": "none",
    "markeredgewidth": 1.8,
}
BASE: dict[str, Any] = {"marker": "D", "color": BASELINE, "markersize": 6.5}
OTHER: dict[str, Any] = {"marker": "o", "color": MUTED, "markersize": 4}
CEILING: dict[str, Any] = {"marker": "|", "color": INK, "markersize": 13, "markeredgewidth": 1.6}
REST: dict[str, Any] = {"color": MUTED, "lw": 5, "alpha": 0.35, "solid_capstyle": "butt"}
# A ceiling further away than this factor would squeeze all marks.
NEAR = 10.0


def make_ranking(sweep: RankedSweep) -> Chart:
    """Make the chart of each configuration's throughput, with its interval and its ceiling."""
    title = "Throughput"
    chart = make_row_chart(sweep, title)
    shown = sweep.shown
    most = float(shown["samples_per_s"].max())
    ceilings = shown["ceiling_samples_per_s"].where(shown["ceiling_samples_per_s"] <= NEAR * most)
    baselines = shown.set_index("configuration")["samples_per_s"]
    for place, line in chart.rows:
        if line["baseline"] in baselines.index:
            reference = baselines[line["baseline"]]
            chart.axes.vlines(reference, place - 0.18, place + 0.18, color=BASELINE, lw=1.1, zorder=1)
        _draw_row(chart, place, line, ceilings[line.name])
    for place, group in chart.rests:
        slowest, fastest = group.rest["samples_per_s"].min(), group.rest["samples_per_s"].max()
        chart.axes.plot([slowest, fastest], [place, place], **REST)
        chart.write(place, f"{format_rate(slowest)} to {format_rate(fastest)}", "")
    columns = ["samples_per_s", "samples_per_s_low", "samples_per_s_high"]
    rests = [value for _, group in chart.rests for value in group.rest["samples_per_s"]]
    scale_axis(chart.axes.xaxis, [*shown[columns].stack(), *ceilings.dropna(), *rests])
    chart.axes.set_xlabel("samples/s", fontsize=9)
    chart.add_legend(_make_handles(sweep, ceilings))
    return Chart("ranking", title, _tell(sweep), _caption(sweep, ceilings), chart.figure, list_numbers(shown))


def _draw_row(chart: RowChart, place: float, line: pd.Series, ceiling: float) -> None:
    look = _choose_look(line)
    parts = chart.axes.plot(
        [line["samples_per_s_low"], line["samples_per_s_high"]], [place, place], color=look["color"], lw=2.2
    )
    parts += chart.axes.plot(line["samples_per_s"], place, ls="", **look)
    if pd.notna(ceiling):
        parts += chart.axes.plot(ceiling, place, ls="", **CEILING)
    for part in parts:
        mark_configuration(part, int(line["configuration"]))
    chart.write(place, format_rate(line["samples_per_s"]), _describe_ratio(line))


def _describe_ratio(line: pd.Series) -> str:
    """Return the ratio to the baseline with its interval; empty where it is unknown."""
    if is_baseline(line):
        return "baseline"
    if (ratio := from_cells(line, "ratio")) is None:
        return ""
    text = f"×{format_ratio(ratio.median)}"
    if ratio.low is None or ratio.high is None:
        return text
    return f"{text} ({format_ratio(ratio.low)}–{format_ratio(ratio.high)})"


def _choose_look(line: pd.Series) -> dict[str, Any]:
    if is_baseline(line):
        return BASE
    if line["rank"] == 1:
        return FASTEST
    return TIED if pd.notna(line["tied"]) and line["tied"] else OTHER


def _make_handles(sweep: RankedSweep, ceilings: pd.Series[float]) -> list[Line2D]:
    """Return one mark for each look that is there, with its meaning."""
    looks = [_choose_look(line) for _, line in sweep.shown.iterrows()]
    named = (
        (FASTEST, "fastest"),
        (TIED, "can't be told from it"),
        (BASE, "baseline"),
        (OTHER, "other"),
    )
    handles = [Line2D([], [], ls="", label=name, **look) for look, name in named if look in looks]
    if ceilings.notna().any():
        handles.append(Line2D([], [], ls="", label="ceiling", **CEILING))
    return handles


def _tell(sweep: RankedSweep) -> str:
    answer = find_answers(sweep.summary)[0]
    works = len(sweep.groups) + sweep.more_works
    kinds = f" in {format_count(works, 'kind')} of work" if works > 1 else ""
    told = describe_answer(answer, sweep.labels).choice.plain
    return f"Throughput of {format_count(len(sweep.summary), 'configuration')}{kinds}. {told}"


def _caption(sweep: RankedSweep, ceilings: pd.Series[float]) -> str:
    shown = sweep.shown
    sentences = [describe_marks(shown)]
    if shown["ratio"].notna().any():
        sentences.append(
            "× is the median ratio to the baseline, taken inside each block; a thin line marks the baseline."
        )
    if ceilings.notna().any():
        sentences.append("A ceiling is what no loader can beat here with the threads of the row.")
    return join_sentences(*sentences, describe_selection(sweep), describe_context(sweep))
