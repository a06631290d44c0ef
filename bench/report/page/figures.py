"""Figures of a page, from charts."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from markupsafe import Markup

from bench.report.charts.chart import Chart
from bench.report.charts.drawing import ChartsError
from bench.report.charts.svg import to_svg
from bench.report.page.parts import PageFigure
from bench.report.remark import Remark


def draw_figures(
    make_charts: Callable[[], Sequence[Chart]], folder: Path, files: Sequence[str]
) -> tuple[list[PageFigure], list[Remark]]:
    """Draw the figures of a page.

    Args:
        make_charts: makes the charts.
        folder: results folder that the page lies in.
        files: files that hold the rows of the charts; those that the folder lacks are left out.

    Returns:
        The figures, and a remark on why there are none; no remark where nothing is wrong.
    """
    there = tuple(name for name in files if (folder / name).is_file())
    try:
        figures = [
            PageFigure(
                chart.name, chart.title, Markup(to_svg(chart)), chart.caption, chart.configurations, there
            )
            for chart in make_charts()
        ]
    except ChartsError as error:
        return [], [Remark("No charts", f"{error}.", "caution")]
    return figures, []
