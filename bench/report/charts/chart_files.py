"""Files of charts: PNG and SVG."""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path

from bench.records.durable_write import write_atomically
from bench.report.charts.chart import Chart
from bench.report.charts.drawing import prepare_drawing
from bench.report.charts.svg import to_svg_file

PNG, SVG = ".png", ".svg"
SUFFIXES = (PNG, SVG)
DOTS_PER_INCH = 150


def save_charts(charts: Sequence[Chart], folder: Path, suffixes: Sequence[str] = (PNG,)) -> list[Path]:
    """Write charts into a folder under their names, each as a whole or not at all.

    Args:
        charts: charts to write.
        folder: folder, which exists.
        suffixes: endings of the files, `.png` or `.svg`; default `.png`.

    Returns:
        Paths of the files.

    Raises:
        StorageError: a file can't be written.
        ChartsError: matplotlib can't draw a chart.
    """
    return [save_chart(chart, folder / f"{chart.name}{suffix}") for chart in charts for suffix in suffixes]


def save_chart(chart: Chart, path: Path) -> Path:
    """Write a chart into a file, as a whole or not at all.

    Args:
        chart: chart to write.
        path: path of the file, which ends in `.png` or `.svg`.

    Returns:
        The path.

    Raises:
        StorageError: the file can't be written.
        ChartsError: matplotlib can't draw the chart.
    """
    write_atomically(path, to_svg_file(chart) if path.suffix == SVG else to_png(chart))
    return path


def to_png(chart: Chart) -> bytes:
    """Return a chart as a PNG file.

    Args:
        chart: the chart.

    Raises:
        ChartsError: matplotlib can't draw it.
    """
    picture = io.BytesIO()
    with prepare_drawing():
        chart.figure.savefig(picture, dpi=DOTS_PER_INCH, bbox_inches="tight", format="png")
    return picture.getvalue()
