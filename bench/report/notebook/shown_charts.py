"""ShownCharts: charts as a program gets them, which a notebook has shown already."""

from __future__ import annotations

from collections.abc import Iterable

from bench.report.charts.chart import Chart
from bench.report.charts.chart_files import to_png
from bench.report.console import is_notebook
from bench.text import format_count


class ShownCharts(tuple[Chart, ...]):
    """Charts, each with its `figure` of matplotlib, its `title` and its `caption`.

    As the last expression of a cell it is one line: the pictures stand above it.
    """

    __slots__ = ()

    def __repr__(self) -> str:
        if not self:
            return "no charts: there are no figures to draw"
        return f"{format_count(len(self), 'chart')}: {', '.join(chart.name for chart in self)}"


def show_charts(charts: Iterable[Chart]) -> ShownCharts:
    """Show charts below the cell of a notebook, and return them. Elsewhere nothing is shown.

    Args:
        charts: the charts.

    Raises:
        ChartsError: matplotlib can't draw one.
    """
    shown = ShownCharts(charts)
    if is_notebook():
        from IPython.display import Image, display

        for chart in shown:
            # Ids inside of an SVG would clash with those of the same chart in another output.
            display(
                Image(to_png(chart), format="png", alt=chart.alternative, metadata={"filename": chart.name})
            )
    return shown
