"""Make the charts of a tuning. Needs no torch."""

from __future__ import annotations

from bench.analysis.tuning.tuning import Tuning
from bench.report.charts.chart import Chart
from bench.report.charts.drawing import prepare_drawing


def make_tuning_charts(tuning: Tuning) -> list[Chart]:
    """Make every chart that a tuning allows, the one of the gain in fresh blocks first.

    Args:
        tuning: the tuning.

    Raises:
        ChartsError: matplotlib or seaborn can't be imported, or they fail.
    """
    with prepare_drawing():
        # Imported here: matplotlib reads its settings when it is imported.
        from bench.report.tune.charts.fresh_gains import make_fresh_gains
        from bench.report.tune.charts.race_ratios import make_race_ratios
        from bench.report.tune.charts.screen_ratios import make_screen_ratios
        from bench.report.tune.charts.tuning_time import make_tuning_time

        makers = (make_fresh_gains, make_tuning_time, make_race_ratios, make_screen_ratios)
        return [chart for make in makers if (chart := make(tuning)) is not None]
