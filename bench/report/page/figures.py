"""Figures of a page, from charts."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from markupsafe import Markup

from bench.report.charts.chart import Chart
from bench.report.charts.drawing import ChartsError
from bench.report.charts.svg import to_svg
from bench.report.page.parts import PageFigure
from bench.report.remark import Remark


@dataclass(frozen=True)
class Rows:
    """The place of the rows of a chart.

    Attributes:
        anchor: id of the part of the page that shows them; empty for none.
        files: files of the results folder that hold them; default none.
    """

    anchor: str
    files: tuple[str, ...] = ()


def draw_figures(
    make_charts: Callable[[], Sequence[Chart]], find_rows: Callable[[str], Rows]
) -> tuple[list[PageFigure], list[Remark]]:
    """Draw the figures of a page.

    Args:
        make_charts: makes the charts.
        find_rows: returns where the rows of a chart are, given its name.

    Returns:
        The figures, and a remark on why there are none; no remark where nothing is wrong.
    """
    try:
        figures = [_make_figure(chart, find_rows(chart.name)) for chart in make_charts()]
    except ChartsError as error:
        return [], [Remark("No charts", f"{error}.", "caution")]
    return figures, []


def _make_figure(chart: Chart, rows: Rows) -> PageFigure:
    picture = Markup(to_svg(chart))
    return PageFigure(
        chart.name, chart.title, picture, chart.caption, chart.configurations, rows.files, rows.anchor
    )
