"""Draw the charts of a results folder. Needs no torch."""

from __future__ import annotations

from pathlib import Path

from bench.analysis.naming import make_labels
from bench.records.results_folder import read_runs
from bench.report.charts.chart import Chart
from bench.report.charts.chart_files import save_charts
from bench.report.charts.drawing import prepare_drawing
from bench.report.sweep_results import SweepResults

# Columns of the summary that only a pass on the device fills.
ON_DEVICE = ["device_data_s", "device_transfer_s", "device_step_s"]


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
    # A failed configuration has no throughput; the table gives its reason.
    summary = results.summary.assign(label=make_labels(results.summary))
    summary = summary[summary["rank"].notna()]
    if summary.empty:
        return []
    with prepare_drawing():
        # Imported here: matplotlib reads its settings when it is imported.
        from bench.report.charts.ranking import draw_ranking
        from bench.report.charts.throughput_by_workers import draw_throughput_by_workers, has_workers
        from bench.report.charts.time_on_device import draw_time_on_device
        from bench.report.charts.where_time_goes import draw_where_time_goes

        everything = tuple(int(number) for number in summary["configuration"])
        figures = [
            ("ranking", "Throughput", draw_ranking(summary)),
            (
                "where_time_goes",
                "Where the time of an epoch goes",
                draw_where_time_goes(summary, results.runs),
            ),
        ]
        if has_workers(summary):
            figures.append(
                ("throughput_by_workers", "Throughput by workers", draw_throughput_by_workers(summary))
            )
        on_device = summary[summary[ON_DEVICE].notna().any(axis=1)]
        if not on_device.empty:
            figures.append(("time_on_device", "Time on the GPU", draw_time_on_device(on_device)))
        return [Chart(name, title, title, "", figure, everything) for name, title, figure in figures]
