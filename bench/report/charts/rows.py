"""RowChart: a figure with one row a configuration, by kind of work."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from bench.report.charts.chart import mark_configuration
from bench.report.charts.chart_words import describe_context, shorten
from bench.report.charts.palette import FAINT
from bench.report.charts.ranked_sweep import RankedSweep, WorkGroup
from bench.report.charts.row_axes import NAME_LETTERS, RowAxes, make_row_axes
from bench.text import format_count

# Height of the name of a kind of work, in rows, and its distance to the place of its row.
HEADING, LIFT = 0.85, 0.23


@dataclass(frozen=True)
class RowChart(RowAxes):
    """A figure with one row a configuration, by kind of work.

    Attributes:
        rows: place and line of each configuration.
        rests: place and kind of work of each row that sums up the others.
    """

    rows: tuple[tuple[float, pd.Series], ...]
    rests: tuple[tuple[float, WorkGroup], ...]


def make_row_chart(sweep: RankedSweep, title: str, *, has_rests: bool = True) -> RowChart:
    """Make a figure with the rows of a sweep, and no marks yet.

    Args:
        sweep: configurations to show.
        title: title of the figure.
        has_rests: whether a row sums up the others of each kind of work; default True.
    """
    rows: list[tuple[float, pd.Series]] = []
    rests: list[tuple[float, WorkGroup]] = []
    headings: list[tuple[float, str]] = []
    place = 0.0
    for group in sweep.groups:
        if group.work:
            headings.append((place, shorten(group.work)))
            place += HEADING
        for _, line in group.shown.iterrows():
            rows.append((place, line))
            place += 1
        if has_rests and not group.rest.empty:
            rests.append((place, group))
            place += 1
    base = make_row_axes(place, title, describe_context(sweep))
    chart = RowChart(base.figure, base.axes, tuple(rows), tuple(rests))
    for where, text in headings:
        chart.name(where + LIFT, text, weight="bold")
    for where, line in rows:
        # The rank is that of the table.
        chart.name(where, f"{line['rank']}  {shorten(sweep.name(line), NAME_LETTERS)}")
        guide = chart.axes.axhline(where, color=FAINT, lw=0.8, zorder=0)
        mark_configuration(guide, int(line["configuration"]))
    for where, group in rests:
        chart.name(where, format_count(len(group.rest), "other"))
    return chart
