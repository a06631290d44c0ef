"""RowChart: a figure with one row a configuration, by kind of work."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.transforms import blended_transform_factory

from bench.report.charts.chart import TITLE, mark_configuration
from bench.report.charts.chart_words import describe_context, shorten
from bench.report.charts.palette import FAINT, INK, MUTED
from bench.report.charts.ranked_sweep import RankedSweep, WorkGroup
from bench.text import format_count

WIDTH, ROW_INCHES = 7.5, 0.44
# Heights in rows: a kind's name, and the name of a configuration above its mark.
HEADING, LABEL = 0.85, 0.43
# Width of a column of figures, as a share of the axes, and letters of a name beside two columns.
COLUMN, NAME_LETTERS = 0.185, 58
# Heights in inches of what stands above and below the rows.
ABOVE, BELOW = 0.62, 0.85


@dataclass(frozen=True)
class RowChart:
    """A figure with one row a configuration, by kind of work.

    A row has the configuration's name on the left and a text on the right; marks stand below them. Names take
    no width from the marks, however long they are.

    Attributes:
        figure: the figure.
        axes: its axes; y is the place of a row.
        rows: place and line of each configuration.
        rests: place and kind of work of each row that sums up the others.
        spans: first and last place of the rows of each kind of work.
    """

    figure: Figure
    axes: Axes
    rows: tuple[tuple[float, pd.Series], ...]
    rests: tuple[tuple[float, WorkGroup], ...]
    spans: tuple[tuple[float, float], ...]

    def write(self, place: float, *texts: str) -> None:
        """Write texts at the right end of a row, each in a column of its own."""
        for column, text in enumerate(reversed(texts)):
            _write(self.axes, 1 - COLUMN * column, place - LABEL, text, ha="right")

    def add_legend(self, handles: Sequence[Any], columns: int = 5) -> None:
        """Add a legend below the axes, at the same distance whatever the height of the figure."""
        below = (0.0, -0.52 / (self.figure.get_figheight() - ABOVE - BELOW))
        self.axes.legend(
            handles=handles, loc="upper left", bbox_to_anchor=below, ncol=columns, frameon=False,
            fontsize=9, borderaxespad=0, borderpad=0, labelcolor=INK, columnspacing=1.4,
        )  # fmt: skip


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
    spans: list[tuple[float, float]] = []
    place = 0.0
    for group in sweep.groups:
        if group.work:
            headings.append((place, shorten(group.work)))
            place += HEADING
        first = place
        for _, line in group.shown.iterrows():
            rows.append((place, line))
            place += 1
        spans.append((first, place - 1))
        if has_rests and not group.rest.empty:
            rests.append((place, group))
            place += 1
    figure = Figure(figsize=(WIDTH, ABOVE + BELOW + ROW_INCHES * place))
    height = figure.get_figheight()
    axes = figure.add_axes((0.01, BELOW / height, 0.98, 1 - (ABOVE + BELOW) / height))
    chart = RowChart(figure, axes, tuple(rows), tuple(rests), tuple(spans))
    axes.set_ylim(place - 0.5, -0.75)
    axes.yaxis.set_visible(False)
    sns.despine(ax=axes, left=True)
    for where, text in _list_labels(chart, sweep):
        _write(axes, 0, where - LABEL, text)
    for where, text in headings:
        _write(axes, 0, where - 0.2, text, weight="bold")
    for where, line in rows:
        guide = axes.axhline(where, color=FAINT, lw=0.8, zorder=0)
        mark_configuration(guide, int(line["configuration"]))
    set_title(figure, axes, title, describe_context(sweep))
    return chart


def set_title(figure: Figure, axes: Axes, title: str, context: str) -> None:
    """Write a title and its context in two lines above a figure's axes."""
    top = axes.get_position()
    height = figure.get_figheight()
    for text, inches, size, weight, color in (
        (title, 0.34, 11.5, "bold", INK),
        (context, 0.14, 9, "normal", MUTED),
    ):
        figure.text(
            top.x0, top.y1 + inches / height, text, ha="left", va="bottom", fontsize=size, weight=weight,
            color=color, gid=TITLE,
        )  # fmt: skip


def _list_labels(chart: RowChart, sweep: RankedSweep) -> Iterator[tuple[float, str]]:
    """Yield the names of rows. The rank before a name is that of the table."""
    for place, line in chart.rows:
        yield place, f"{line['rank']}  {shorten(sweep.name(line), NAME_LETTERS)}"
    for place, group in chart.rests:
        yield place, f"{format_count(len(group.rest), 'other')}"


def _write(axes: Axes, share: float, place: float, text: str, **look: Any) -> None:
    """Write a text in a row, at a share of the axes' width."""
    across = blended_transform_factory(axes.transAxes, axes.transData)
    axes.text(
        share, place, text, **{"transform": across, "va": "center", "fontsize": 9, "color": INK, **look}
    )
