"""The chart of first epochs against later ones, and of what persistent workers bring."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd
from matplotlib.lines import Line2D

from bench.analysis.persistence import Persistence, find_persistence
from bench.analysis.throughputs import compute_throughputs, select_counted
from bench.report.charts.chart import Chart, mark_configuration
from bench.report.charts.chart_words import describe_context, describe_selection, join_sentences
from bench.report.charts.palette import BASELINE, BEST
from bench.report.charts.ranked_sweep import RankedSweep, list_numbers
from bench.report.charts.rows import make_row_chart
from bench.report.charts.scale import scale_axis
from bench.text import format_count, format_ratio

FIRST: dict[str, Any] = {
    "marker": "D",
    "color": BASELINE,
    "markersize": 6,
    "markerfacecolor": "none",
    "markeredgewidth": 1.6,
}
LATER: dict[str, Any] = {"marker": "o", "color": BEST, "markersize": 7}


def make_start_up(sweep: RankedSweep) -> Chart | None:
    """Make the chart of the first epoch against later ones; None where only first epochs were measured."""
    first = _find_first_epochs(sweep)
    if sweep.phase != "steady" or first.empty:
        return None
    title = "First epoch and later epochs"
    chart = make_row_chart(sweep, title, has_rests=False)
    pairs = find_persistence(sweep.summary, compute_throughputs(sweep.runs))
    notes = {pair.configuration: _describe_pair(pair) for pair in pairs}
    for place, line in chart.rows:
        number = int(line["configuration"])
        cold, steady = float(first.get(number, float("nan"))), float(line["wall_s"])
        parts = chart.axes.plot([steady, cold], [place, place], color=FIRST["color"], lw=1.4, zorder=1)
        parts += chart.axes.plot(cold, place, ls="", **FIRST)
        parts += chart.axes.plot(steady, place, ls="", **LATER)
        for part in parts:
            mark_configuration(part, number)
        chart.write(place, notes.get(number, ""), f"{cold:.3g} s → {steady:.3g} s")
    shown = sweep.shown
    scale_axis(chart.axes.xaxis, [*first.reindex(list_numbers(shown)).dropna(), *shown["wall_s"]])
    chart.axes.set_xlabel("seconds an epoch", fontsize=9)
    chart.add_legend(
        [
            Line2D([], [], ls="", label="first epoch", **FIRST),
            Line2D([], [], ls="", label="later epochs", **LATER),
        ]
    )
    persistent = (
        "Persistent workers pay from the epoch named on: by its end a training has taken less time in all "
        "than with workers that start again, by the medians."
    )
    caption = join_sentences(
        "Medians of the epochs, on the right in seconds. The first epoch starts the workers.",
        persistent if pairs else "",
        describe_selection(sweep),
        describe_context(sweep),
    )
    return Chart(
        "start_up", title, _tell(sweep, first, pairs), caption, chart.figure,
        list_numbers(shown),
    )  # fmt: skip


def _find_first_epochs(sweep: RankedSweep) -> pd.Series[float]:
    """Return the median length of the first epochs of each configuration, in seconds."""
    counted = select_counted(sweep.runs, sweep.phase)
    cold = counted[(counted["epoch"] == 0) & counted["configuration"].isin(sweep.summary["configuration"])]
    lengths: pd.Series[float] = cold.groupby("configuration")["wall_s"].median()
    return lengths


def _describe_pair(pair: Persistence) -> str:
    """Return what persistent workers bring in a few words."""
    if not pair.is_sure:
        return "gain unsure"
    return "no gain" if pair.pays_from is None else f"pays from epoch {pair.pays_from}"


def _tell(sweep: RankedSweep, first: Mapping[int, float] | pd.Series[float], pairs: list[Persistence]) -> str:
    best = sweep.groups[0].shown.iloc[0]
    cold = float(first.get(int(best["configuration"]), float("nan")))
    sentences = [
        f"The first epoch of {sweep.name_fully(best)} takes {cold:.3g} s, later ones {best['wall_s']:.3g} s."
    ]
    if pairs:
        sentences.append(_tell_pairs(sweep, pairs))
    return " ".join(sentences)


def _tell_pairs(sweep: RankedSweep, pairs: list[Persistence]) -> str:
    """Return from which epoch on persistent workers pay, where that is sure."""
    paying = [pair for pair in pairs if pair.is_sure and pair.pays_from is not None]
    if not paying:
        compared = format_count(len(pairs), "pair")
        return f"Persistent workers gain nothing that can be told in {compared} of configurations."
    largest = max(paying, key=lambda pair: pair.gain.median if pair.gain else 0.0)
    assert largest.gain is not None  # a sure pair has a gain
    epochs = sorted({pair.pays_from for pair in paying if pair.pays_from is not None})
    span = f"epoch {epochs[0]}" if len(epochs) == 1 else f"epochs {epochs[0]} to {epochs[-1]}"
    return (
        f"Persistent workers pay from {span} on in {len(paying)} of {format_count(len(pairs), 'pair')} of "
        f"configurations. They gain most in {sweep.labels.full[largest.configuration]}, whose later epochs "
        f"run at {format_ratio(largest.gain.median)} times the throughput without them."
    )
