"""Draw the charts of an explanation. Needs no torch."""

from __future__ import annotations

from pathlib import Path

from bench.analysis.explanation.explanation import Explanation
from bench.report.charts.chart import Chart
from bench.report.charts.chart_files import PNG, SVG, save_charts
from bench.report.charts.drawing import prepare_drawing

SUFFIXES = (PNG, SVG)


def draw_explanation(explanation: Explanation, folder: Path) -> list[Path]:
    """Draw every chart that an explanation allows into a folder, as PNG and as SVG.

    Args:
        explanation: the explanation.
        folder: the folder, which exists.

    Returns:
        Paths of the charts.

    Raises:
        StorageError: a chart can't be written.
        ChartsError: matplotlib or seaborn can't be imported, or they fail.
    """
    return save_charts(make_explanation_charts(explanation), folder, SUFFIXES)


def make_explanation_charts(explanation: Explanation) -> list[Chart]:
    """Make every chart that an explanation allows, the one of where a sample's time goes first.

    Args:
        explanation: the explanation.

    Raises:
        ChartsError: matplotlib or seaborn can't be imported, or they fail.
    """
    with prepare_drawing():
        # Imported here: matplotlib reads its settings when it is imported.
        from bench.report.explain.charts.break_even import draw_break_even, list_break_even
        from bench.report.explain.charts.predicted_gains import draw_predicted_gains, list_predicted
        from bench.report.explain.charts.stage_costs import draw_stage_costs
        from bench.report.explain.charts.where_a_sample_goes import draw_where_a_sample_goes

        figures = []
        if explanation.parts:
            title = "Where the time of a sample goes"
            figures.append(("where_a_sample_goes", title, draw_where_a_sample_goes(explanation)))
        if explanation.ladder:
            figures.append(("stage_costs", "What each stage costs alone", draw_stage_costs(explanation)))
        if list_predicted(explanation):
            title = "Predicted gain of each change"
            figures.append(("predicted_gains", title, draw_predicted_gains(explanation)))
        if list_break_even(explanation):
            title = "Break-even step of each configuration"
            figures.append(("break_even", title, draw_break_even(explanation)))
        return [Chart(name, title, title, "", figure) for name, title, figure in figures]
