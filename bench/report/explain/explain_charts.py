"""Draw the charts of an explanation. Needs no torch."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from bench.analysis.explanation.explanation import Explanation
from bench.report.charts.drawing import prepare_drawing, save_figure

if TYPE_CHECKING:
    from matplotlib.figure import Figure

SUFFIXES = (".png", ".svg")


def draw_explanation(explanation: Explanation, folder: Path) -> list[Path]:
    """Draw every chart that an explanation allows into a folder, as PNG and as SVG.

    Args:
        explanation: the explanation.
        folder: the folder, which exists.

    Returns:
        Paths of the charts.

    Raises:
        StorageError: A chart can't be written.
        ChartsError: matplotlib or seaborn can't be imported, or they fail.
    """
    with prepare_drawing():
        return [
            save_figure(figure, folder / f"{name}{suffix}")
            for name, figure in _draw(explanation).items()
            for suffix in SUFFIXES
        ]


def _draw(explanation: Explanation) -> dict[str, Figure]:
    """Return the charts by their names."""
    # Imported here: matplotlib reads its settings when it is imported.
    from bench.report.explain.charts.break_even import draw_break_even, list_break_even
    from bench.report.explain.charts.predicted_gains import draw_predicted_gains, list_predicted
    from bench.report.explain.charts.stage_costs import draw_stage_costs
    from bench.report.explain.charts.where_a_sample_goes import draw_where_a_sample_goes

    charts = {}
    if explanation.parts:
        charts["where_a_sample_goes"] = draw_where_a_sample_goes(explanation)
    if explanation.ladder:
        charts["stage_costs"] = draw_stage_costs(explanation)
    if list_predicted(explanation):
        charts["predicted_gains"] = draw_predicted_gains(explanation)
    if list_break_even(explanation):
        charts["break_even"] = draw_break_even(explanation)
    return charts
