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
        from bench.report.explain.charts.break_even import make_break_even
        from bench.report.explain.charts.predicted_gains import make_predicted_gains
        from bench.report.explain.charts.stage_costs import make_stage_costs
        from bench.report.explain.charts.where_a_sample_goes import make_where_a_sample_goes

        makers = (make_where_a_sample_goes, make_stage_costs, make_predicted_gains, make_break_even)
        return [chart for make in makers if (chart := make(explanation)) is not None]
