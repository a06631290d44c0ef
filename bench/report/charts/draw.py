"""Draw the charts of a results folder. Needs no torch."""

from __future__ import annotations

from pathlib import Path

from bench.records.results_folder import read_runs
from bench.report.charts.chart import Chart
from bench.report.charts.chart_files import save_charts
from bench.report.charts.drawing import prepare_drawing
from bench.report.charts.ranked_sweep import RankedSweep
from bench.report.sweep.sweep_results import SweepResults


def draw_charts(folder: Path) -> list[Path]:
    """Draw every chart that the rows of a results folder allow, into that folder.

    Returns:
        Paths of the charts; none where no configuration has a rank.

    Raises:
        ResultsError: the folder holds no results that can be read.
        StorageError: a chart can't be written.
        ChartsError: matplotlib or seaborn can't be imported, or they fail.
    """
    results = SweepResults.read(folder)
    if results is None:
        # Say which file is missing, if there is none at all.
        read_runs(folder)
        return []
    return save_charts(make_charts(results), folder)


def make_charts(results: SweepResults) -> list[Chart]:
    """Make every chart that the rows of a sweep allow, the ranking first.

    Args:
        results: tables of a results folder.

    Returns:
        The charts; none where no configuration has a rank.

    Raises:
        ChartsError: matplotlib or seaborn can't be imported, or they fail.
    """
    with prepare_drawing():
        # Imported here: matplotlib reads its settings when it is imported.
        from bench.report.charts.makers import MAKERS

        sweep = RankedSweep.of(results)
        if sweep is None:
            return []
        return [chart for make in MAKERS if (chart := make(sweep)) is not None]
