"""The chart of how well each configuration shuffles."""

from __future__ import annotations

from dataclasses import replace

import pandas as pd

from bench.report.charts.chart import Chart, mark_configuration
from bench.report.charts.chart_words import describe_context, join_sentences
from bench.report.charts.palette import BASELINE, BEST, INK, MUTED
from bench.report.charts.ranked_sweep import RankedSweep, list_numbers
from bench.report.charts.rows import make_row_chart
from bench.text import format_count

# From this value on, a quality can't be told from that of a true shuffle.
TRUE_SHUFFLE = 0.9
# A kind of work shows so many of those that shuffle least.
MOST_WEAK = 3


def make_shuffle_quality(sweep: RankedSweep) -> Chart | None:
    """Make the chart of each configuration's shuffle quality; None where none is known."""
    known = sweep.summary[sweep.summary["shuffle_quality"].notna()]
    sweep = _select_known(sweep)
    if not sweep.groups:
        return None
    title = "Shuffle quality"
    chart = make_row_chart(sweep, title, has_rests=False)
    for place, line in chart.rows:
        quality = line["shuffle_quality"]
        weak = quality < TRUE_SHUFFLE
        color = BASELINE if weak else BEST
        parts = chart.axes.plot([0, quality], [place, place], color=color, lw=1.6)
        parts += chart.axes.plot(quality, place, "v" if weak else "o", color=color, ms=7)
        for part in parts:
            mark_configuration(part, int(line["configuration"]))
        chart.write(place, f"{quality:.2f}")
    chart.axes.axvline(1, color=MUTED, ls=":", lw=1.2, zorder=0)
    chart.axes.set_xlim(0, max(1.15, float(known["shuffle_quality"].max()) * 1.05))
    chart.axes.set_xlabel("0: stored order; 1: true shuffle", fontsize=9, color=INK)
    caption = (
        "Standard deviation of the sample numbers within a batch, over that of a true shuffle. Triangles are "
        f"below {TRUE_SHUFFLE}: such a batch holds neighbours."
    )
    selection = "Shown are the fastest, the baseline and the least shuffled of each kind of work."
    caption = join_sentences(caption, selection, describe_context(sweep))
    return Chart(
        "shuffle_quality", title, _tell(sweep, known), caption, chart.figure,
        list_numbers(sweep.shown),
    )  # fmt: skip


def _select_known(sweep: RankedSweep) -> RankedSweep:
    """Return the fastest and the baseline of each kind of work, and those that shuffle least."""
    groups = []
    for group in sweep.groups:
        lines = group.lines[group.lines["shuffle_quality"].notna()]
        weak = lines[lines["shuffle_quality"] < TRUE_SHUFFLE].nsmallest(MOST_WEAK, "shuffle_quality")
        is_shown = (
            (lines["rank"] == 1)
            | (lines["configuration"] == lines["baseline"])
            | lines.index.isin(weak.index)
        )
        if is_shown.any():
            groups.append(replace(group, lines=lines, shown=lines[is_shown], rest=lines[~is_shown]))
    return replace(sweep, groups=tuple(groups))


def _tell(sweep: RankedSweep, known: pd.DataFrame) -> str:
    weak = known[known["shuffle_quality"] < TRUE_SHUFFLE]
    low, high = known["shuffle_quality"].min(), known["shuffle_quality"].max()
    if weak.empty:
        return (
            f"Nothing shuffles less than a true shuffle, which is 1: the quality of "
            f"{format_count(len(known), 'configuration')} is {low:.2f} to {high:.2f}."
        )
    worst = weak.loc[weak["shuffle_quality"].idxmin()]
    return (
        f"{len(weak)} of {format_count(len(known), 'configuration')} shuffle less than a true shuffle, "
        "which is 1. "
        f"The least is {worst['shuffle_quality']:.2f}, of {sweep.name_fully(worst)}."
    )
