"""The chart of several results folders: throughput of the same configurations, by folder."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import pandas as pd

from bench.report.charts.chart import Chart, mark_configuration
from bench.report.charts.drawing import prepare_drawing
from bench.report.charts.overlay import Overlay
from bench.text import format_count, format_rate, format_ratio, join_words

if TYPE_CHECKING:
    from bench.report.charts.ranked_sweep import RankedSweep
    from bench.report.charts.rows import RowChart

NAME = "overlay"
# Distance of the marks of two folders in a row, and the most that all of them take, in rows.
SHIFT, MOST_HEIGHT = 0.13, 0.5
# Figures of more folders than these have no room beside a name.
MOST_COLUMNS = 2


def make_overlay_chart(overlay: Overlay) -> Chart:
    """Make the chart of several results folders, with one mark a folder in the row of each configuration.

    Raises:
        ChartsError: matplotlib or seaborn can't be imported, or they fail.
    """
    with prepare_drawing():
        # Imported here: matplotlib reads its settings when it is imported.
        from bench.report.charts.ranked_sweep import RankedSweep

        sweep = RankedSweep.of(overlay.first)
        assert sweep is not None  # a configuration that two folders hold has a rank
        return _draw(overlay, sweep)


def _draw(overlay: Overlay, sweep: RankedSweep) -> Chart:
    from matplotlib.lines import Line2D

    from bench.report.charts.chart_words import describe_marks, describe_selection, join_sentences, shorten
    from bench.report.charts.palette import MARKERS, SERIES
    from bench.report.charts.ranked_sweep import list_numbers
    from bench.report.charts.rows import make_row_chart
    from bench.report.charts.scale import scale_axis

    title = f"Throughput in {format_count(len(overlay.folders), 'results folder')}"
    chart = make_row_chart(sweep, title, has_rests=False)
    shown: list[pd.Series] = []
    for place, line in chart.rows:
        lines = overlay.lines[int(line["configuration"])]
        shown += lines.values()
        _draw_row(chart, overlay, place, lines)
    looks = zip(overlay.folders.items(), SERIES, MARKERS, strict=False)
    handles = [
        Line2D([], [], color=color, marker=marker, ls="", label=f"{mark}  {shorten(folder.name, 60)}")
        for (mark, folder), color, marker in looks
    ]
    drawn = pd.DataFrame(shown)
    columns = ["samples_per_s", "samples_per_s_low", "samples_per_s_high"]
    scale_axis(chart.axes.xaxis, drawn[columns].stack())
    chart.axes.set_xlabel("samples/s", fontsize=9)
    chart.add_legend(handles, columns=1)
    left_out = (
        f"Not shown: {format_count(overlay.left_out, 'configuration')} that no other folder holds comparably"
        if overlay.left_out
        else ""
    )
    caption = join_sentences(
        describe_marks(drawn),
        "Ranks are those of the first folder",
        describe_selection(sweep),
        left_out,
        overlay.describe_folders(),
    )
    return Chart(NAME, title, _tell(overlay, sweep), caption, chart.figure, list_numbers(sweep.shown))


def _draw_row(chart: RowChart, overlay: Overlay, place: float, lines: Mapping[str, pd.Series]) -> None:
    """Draw one configuration's mark of each folder that holds it, one below the other."""
    from bench.report.charts.palette import MARKERS, SERIES

    marks = list(overlay.folders)
    step = min(SHIFT, MOST_HEIGHT / len(marks))
    for mark, line in lines.items():
        number = marks.index(mark)
        where = place + step * (number - (len(marks) - 1) / 2)
        color, marker = SERIES[number], MARKERS[number]
        ends = [line["samples_per_s_low"], line["samples_per_s_high"]]
        parts = chart.axes.plot(ends, [where, where], color=color, lw=2)
        parts += chart.axes.plot(line["samples_per_s"], where, ls="", ms=6, color=color, marker=marker)
        for part in parts:
            mark_configuration(part, int(lines["A"]["configuration"]))
    rates = [f"{mark} {format_rate(lines[mark]['samples_per_s'])}" if mark in lines else "" for mark in marks]
    if len(marks) <= MOST_COLUMNS:
        chart.write(place, *rates)
    else:
        known = [line["samples_per_s"] for line in lines.values()]
        chart.write(place, f"{format_rate(min(known))} to {format_rate(max(known))}")


def _tell(overlay: Overlay, sweep: RankedSweep) -> str:
    """Return the throughput of the first folder's best configuration in each folder."""
    best = sweep.groups[0].shown.iloc[0]
    lines = overlay.lines[int(best["configuration"])]
    first = lines["A"]["samples_per_s"]
    told = [f"{format_rate(first)} samples/s in A"]
    told += [
        f"{format_rate(line['samples_per_s'])} in {mark} (×{format_ratio(line['samples_per_s'] / first)})"
        for mark, line in lines.items()
        if mark != "A"
    ]
    return f"{sweep.name_fully(best)} runs at {join_words(told)}."
