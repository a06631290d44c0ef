"""Draw the charts of a results folder. Needs no torch."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from bench.analysis.naming import make_labels
from bench.analysis.summary import summarise
from bench.records.results_folder import read_ceilings, read_device, read_runs
from bench.report.charts.drawing import prepare_drawing, save_figure

if TYPE_CHECKING:
    from matplotlib.figure import Figure

# Columns of the summary that only a pass on the device fills.
ON_DEVICE = ["device_data_s", "device_transfer_s", "device_step_s"]


def draw_charts(folder: Path) -> list[Path]:
    """Draw every chart that the rows of a results folder allow, into that folder.

    Returns:
        Paths of the charts; none where no configuration has a rank.

    Raises:
        ResultsError: the folder holds no results that can be read.
        StorageError: A chart can't be written.
        ChartsError: matplotlib or seaborn can't be imported, or they fail.
    """
    runs = read_runs(folder)
    if runs.empty:
        return []
    summary = summarise(runs, read_ceilings(folder), read_device(folder))
    summary["label"] = make_labels(summary)
    # A failed configuration has no throughput; the table gives its reason.
    summary = summary[summary["rank"].notna()]
    if summary.empty:
        return []
    with prepare_drawing():
        return [save_figure(figure, folder / f"{name}.png") for name, figure in _draw(summary, runs).items()]


def _draw(summary: pd.DataFrame, runs: pd.DataFrame) -> dict[str, Figure]:
    """Return the charts by their names."""
    # Imported here: matplotlib reads its settings when it is imported.
    from bench.report.charts.ranking import draw_ranking
    from bench.report.charts.throughput_by_workers import draw_throughput_by_workers, has_workers
    from bench.report.charts.time_on_device import draw_time_on_device
    from bench.report.charts.where_time_goes import draw_where_time_goes

    charts = {"ranking": draw_ranking(summary), "where_time_goes": draw_where_time_goes(summary, runs)}
    if has_workers(summary):
        charts["throughput_by_workers"] = draw_throughput_by_workers(summary)
    on_device = summary[summary[ON_DEVICE].notna().any(axis=1)]
    if not on_device.empty:
        charts["time_on_device"] = draw_time_on_device(on_device)
    return charts
