"""The files of a comparison: report.html, a chart, JSON and Markdown."""

from __future__ import annotations

from pathlib import Path

from bench.analysis.comparison.comparison import Comparison
from bench.records import results_folder
from bench.report.charts.chart_files import SVG, save_charts
from bench.report.charts.drawing import ChartsError
from bench.report.comparison.comparison_chart import make_comparison_chart
from bench.report.comparison.comparison_json import to_json
from bench.report.comparison.comparison_page import write_comparison_page
from bench.report.comparison.markdown import to_markdown
from bench.report.page.page import PageError

JSON, MARKDOWN = "comparison.json", "comparison.md"


def write_comparison(comparison: Comparison, folder: Path) -> list[str]:
    """Write the files of a comparison into a folder.

    Args:
        comparison: the comparison.
        folder: folder for the files, which exists.

    Returns:
        Errors of charts or of the page, one line each. They cost no figures.

    Raises:
        StorageError: a file can't be written.
    """
    results_folder.write_json(folder / JSON, to_json(comparison))
    results_folder.write_text(folder / MARKDOWN, to_markdown(comparison))
    problems: list[str] = []
    files = [JSON, MARKDOWN]
    try:
        chart = make_comparison_chart(comparison)
        if chart is not None:
            files += [path.name for path in save_charts([chart], folder, (".png", SVG))]
    except ChartsError as error:
        problems.append(str(error))
    try:
        write_comparison_page(comparison, folder, tuple(files))
    except PageError as error:
        problems.append(str(error))
    return problems
