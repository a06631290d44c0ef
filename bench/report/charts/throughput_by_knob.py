"""The charts of throughput against the number of workers, and against the batch size."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes

from bench.report.charts.chart import Chart, mark_configuration
from bench.report.charts.chart_words import (
    describe_context,
    describe_marks,
    describe_range,
    join_sentences,
)
from bench.report.charts.palette import MARKERS, SERIES
from bench.report.charts.panels import (
    MOST_PANELS,
    Panel,
    describe_hidden,
    list_left,
    make_panel_chart,
    split_panels,
)
from bench.report.charts.ranked_sweep import RankedSweep, find_fastest, list_numbers
from bench.report.charts.scale import scale_axis

# Shift between the points of two series at one place, as a share of the distance of two places: intervals
# at one place would hide each other.
SHIFT = 0.06


@dataclass(frozen=True)
class KnobChart:
    """A chart of throughput against a knob.

    Attributes:
        name: name of its file.
        title: title.
        knob: knob along the x axis.
        series: knob that has a line for each value.
    """

    name: str
    title: str
    knob: str
    series: str


BY_WORKERS = KnobChart("throughput_by_workers", "Throughput by workers", "num_workers", "batch_size")
BY_BATCH_SIZE = KnobChart("throughput_by_batch_size", "Throughput by batch size", "batch_size", "num_workers")


def make_throughput_by_workers(sweep: RankedSweep) -> Chart | None:
    """Make the chart of throughput against workers; None where fewer than two numbers were measured."""
    return _make(sweep, BY_WORKERS)


def make_throughput_by_batch_size(sweep: RankedSweep) -> Chart | None:
    """Make the chart of throughput against batch sizes; None where fewer than two sizes were measured."""
    return _make(sweep, BY_BATCH_SIZE)


def _make(sweep: RankedSweep, kind: KnobChart) -> Chart | None:
    if kind.knob not in sweep.summary or kind.series not in sweep.summary:
        return None
    # A loader of the user's own may have neither; an own sampler's batches have no size.
    lines = sweep.summary[sweep.summary[kind.knob].str.isdigit()]
    panels = split_panels(sweep, lines, (kind.knob, kind.series))
    # A panel with one value shows no more than the ranking does.
    panels = [panel for panel in panels if _list_series(panel, kind)]
    if not panels:
        return None
    chart = make_panel_chart(panels, kind.title, describe_context(sweep))
    shown = pd.concat([series for panel in panels[:MOST_PANELS] for _, series in _list_series(panel, kind)])
    every = sorted(set(shown[kind.series]), key=_read_number)
    names = _choose_series(every)
    shown = shown[shown[kind.series].isin(names)]
    values = sorted({int(value) for value in shown[kind.knob]})
    limits = [
        *shown["samples_per_s"],
        *shown["samples_per_s_low"].dropna(),
        *shown["samples_per_s_high"].dropna(),
    ]
    handles: dict[str, Any] = {}
    for axes, panel in chart.panels:
        drawn = [(name, series) for name, series in _list_series(panel, kind) if name in names]
        for name, series in drawn:
            handles[name] = _draw_series(axes, series, kind, values, names)
        axes.set_xticks(range(len(values)), [f"{value:,}" for value in values])
        axes.set_xlim(-0.35, len(values) - 0.65)
        axes.set_xlabel(kind.knob, fontsize=9)
        axes.set_ylabel("")
        scale_axis(axes.yaxis, limits)
    for axes in list_left(chart):
        axes.set_ylabel("samples/s", fontsize=9)
    used = [name for name in names if name in handles]
    chart.add_legend([handles[name] for name in used], [_name_series(kind, name) for name in used])
    left_out = (
        f"{len(names)} of {len(every)} values of {kind.series} are shown." if len(names) < len(every) else ""
    )
    caption = join_sentences(
        describe_marks(shown), _explain(kind), left_out, describe_hidden(panels), describe_context(sweep)
    )
    return Chart(
        kind.name, kind.title, _tell(panels[0], kind), caption, chart.figure,
        list_numbers(shown),
    )  # fmt: skip


def _explain(kind: KnobChart) -> str:
    sizes = "Batches of another size are another kind of work: compare them by what training makes of them."
    return sizes if kind.knob == "batch_size" else ""


def _list_series(panel: Panel, kind: KnobChart) -> list[tuple[str, pd.DataFrame]]:
    """Return the series of a panel that have at least two points, each in the order of the knob."""
    return [
        (str(name), series.sort_values(kind.knob, key=lambda values: values.astype(int)))
        for name, series in panel.lines.groupby(kind.series, sort=False)
        if series[kind.knob].nunique() > 1
    ]


def _draw_series(
    axes: Axes, series: pd.DataFrame, kind: KnobChart, values: Sequence[int], names: Sequence[str]
) -> Any:
    """Draw one line with its intervals.

    Args:
        axes: axes to draw into.
        series: lines of the summary in the order of the knob.
        kind: chart that is made.
        values: values of the knob along the x axis.
        names: names of all series, which fix colours and marks.

    Returns:
        The handle for a legend.
    """
    name = str(series[kind.series].iloc[0])
    place = names.index(name)
    shift = SHIFT * (place - (len(names) - 1) / 2)
    places = [values.index(int(value)) + shift for value in series[kind.knob]]
    color, marker = SERIES[place % len(SERIES)], MARKERS[place % len(MARKERS)]
    sns.lineplot(
        x=places, y=series["samples_per_s"].to_numpy(), ax=axes, color=color, marker=marker, errorbar=None,
        markersize=6, markeredgewidth=0, lw=1.4, legend=False,
    )  # fmt: skip
    handle = axes.get_lines()[-1]
    for where, (_, line) in zip(places, series.iterrows(), strict=True):
        if pd.notna(line["samples_per_s_low"]):
            ends = [line["samples_per_s_low"], line["samples_per_s_high"]]
            (interval,) = axes.plot([where, where], ends, color=color, lw=2.2, solid_capstyle="butt")
            mark_configuration(interval, int(line["configuration"]))
    return handle


def _choose_series(names: Sequence[str]) -> list[str]:
    """Return as many of some ordered names as can be told apart, evenly spaced."""
    most = len(MARKERS)
    if len(names) <= most:
        return list(names)
    return [names[round(place * (len(names) - 1) / (most - 1))] for place in range(most)]


def _tell(panel: Panel, kind: KnobChart) -> str:
    best = find_fastest(panel.lines)
    series = panel.lines[panel.lines[kind.series] == best[kind.series]]
    settings = " ".join(filter(None, (panel.name, f"{kind.series}={best[kind.series]}")))
    return describe_range(series, (kind.knob,), settings)


def _read_number(value: str) -> int:
    """Return a value as a number; -1 where a loader has none, or the user's own sampler makes the batches."""
    return int(value) if value.isdigit() else -1


def _name_series(kind: KnobChart, value: str) -> str:
    if value.isdigit():
        return f"{kind.series}={value}"
    return "own batches" if kind.series == "batch_size" else f"no {kind.series}"
