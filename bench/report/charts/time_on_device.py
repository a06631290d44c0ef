"""The chart of the time that a GPU takes for the parts of an epoch."""

from __future__ import annotations

from dataclasses import replace

from matplotlib.patches import Patch

from bench.report.charts.chart import Chart, mark_configuration
from bench.report.charts.chart_words import describe_context, describe_selection, join_sentences
from bench.report.charts.ranked_sweep import RankedSweep, list_numbers
from bench.report.charts.rows import make_row_chart
from bench.text import join_words

# Parts of an epoch on the GPU, which run beside each other, with the column and the colour of each.
PARTS = {
    "loader's kernels": ("device_data_s", "#5b4fa2"),
    "copies": ("device_transfer_s", "#e8833a"),
    "steps": ("device_step_s", "#7fbfe0"),
}
COLUMNS = [column for column, _ in PARTS.values()]
BAR = 0.19


def make_time_on_device(sweep: RankedSweep) -> Chart | None:
    """Make the chart of an epoch's kernels, copies and steps on the GPU; None where none were timed."""
    sweep = _select_timed(sweep)
    if not sweep.groups:
        return None
    title = "Time on the GPU"
    chart = make_row_chart(sweep, title, has_rests=False)
    for place, line in chart.rows:
        for number, (column, color) in enumerate(PARTS.values()):
            if line[column] > 0:
                (bar,) = chart.axes.barh(
                    place + (number - 1) * BAR, line[column] * 1e3, color=color, height=BAR
                )
                mark_configuration(bar, int(line["configuration"]))
    chart.axes.set_xlim(0, None)
    chart.axes.set_xlabel("ms of the GPU in an epoch", fontsize=9)
    chart.add_legend([Patch(color=color, label=name) for name, (_, color) in PARTS.items()])
    best = sweep.groups[0].shown.iloc[0]
    times = join_words(
        [f"{best[column] * 1e3:.3g} ms for {name}" for name, (column, _) in PARTS.items() if best[column] > 0]
    )
    told = f"In an epoch of {sweep.name_fully(best)} the GPU takes {times or 'no time that was measured'}."
    caption = join_sentences(
        "One epoch of each configuration, timed by CUDA events.",
        "Copies shorter than steps can hide behind them.",
        describe_selection(sweep),
        describe_context(sweep),
    )
    return Chart("time_on_device", title, told, caption, chart.figure, list_numbers(sweep.shown))


def _select_timed(sweep: RankedSweep) -> RankedSweep:
    """Return the configurations that were timed on the GPU."""
    groups = [
        replace(group, shown=group.shown[group.shown[COLUMNS].notna().any(axis=1)]) for group in sweep.groups
    ]
    return replace(sweep, groups=tuple(group for group in groups if not group.shown.empty))
