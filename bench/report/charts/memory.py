"""The chart of memory against throughput, with the Pareto front."""

from __future__ import annotations

import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from bench.analysis.pareto import find_front
from bench.report.charts.chart import Chart
from bench.report.charts.chart_words import describe_context, join_sentences
from bench.report.charts.palette import BASELINE, BEST, INK, MUTED
from bench.report.charts.panels import Panel, list_left, make_panel_chart
from bench.report.charts.ranked_sweep import RankedSweep, is_baseline, list_numbers
from bench.report.charts.scale import scale_axis
from bench.text import format_bytes, format_count, format_rate, join_few

MIB = 2**20
# Width and height of a rank in pixels; nearer ones would cover each other.
ROOM = (22, 16)


def make_memory(sweep: RankedSweep) -> Chart | None:
    """Make the chart of memory against throughput; None where it is known of fewer than two."""
    panels = []
    for group in sweep.groups:
        known = group.lines[group.lines["peak_memory_bytes"].notna()]
        if len(known) > 1:
            panels.append(Panel(group.work, known.assign(memory_mib=known["peak_memory_bytes"] / MIB)))
    if not panels:
        return None
    title = "Memory and throughput"
    chart = make_panel_chart(panels, title, describe_context(sweep), inches=3.0)
    shown = pd.concat([panel.lines for panel in panels])
    for axes, panel in chart.panels:
        _draw_panel(axes, panel)
        scale_axis(axes.xaxis, shown["memory_mib"])
        scale_axis(axes.yaxis, shown["samples_per_s"])
        _name_points(axes, find_front(panel.lines))
    for axes in list_left(chart):
        axes.set_ylabel("samples/s", fontsize=9)
    handles = [
        Line2D([], [], color=BEST, marker="o", lw=1.4),
        Line2D([], [], color=BASELINE, marker="D", ls=""),
        Line2D([], [], color=MUTED, marker="o", ms=4, ls=""),
    ]
    chart.add_legend(handles, ["Pareto front", "baseline", "other"])
    caption = (
        "No configuration on the Pareto front is beaten in throughput by one with as little memory. Numbers "
        "are ranks. Memory is the most of the process tree in any epoch."
    )
    more = f"Not shown: {format_count(sweep.more_works, 'further kind')} of work." if sweep.more_works else ""
    caption = join_sentences(caption, more, describe_context(sweep))
    return Chart(
        "memory",
        title,
        _tell(sweep, panels[0]),
        caption,
        chart.figure,
        list_numbers(shown),
    )


def _draw_panel(axes: Axes, panel: Panel) -> None:
    """Draw the configurations of one kind of work, and the front over them."""
    lines = panel.lines
    baselines = lines["configuration"] == lines["baseline"]
    front = find_front(lines)
    for part, look in (
        (lines[~baselines], {"color": MUTED, "marker": "o", "s": 22, "linewidth": 0}),
        (lines[baselines], {"color": BASELINE, "marker": "D", "s": 52, "linewidth": 0, "zorder": 4}),
    ):
        sns.scatterplot(part, x="memory_mib", y="samples_per_s", ax=axes, legend=False, **look)
    axes.step(front["memory_mib"], front["samples_per_s"], where="post", color=BEST, lw=1.4, zorder=2)
    axes.plot(front["memory_mib"], front["samples_per_s"], "o", color=BEST, ms=6.5, zorder=3)
    axes.set_xlabel("memory in MiB", fontsize=9)
    axes.set_ylabel("")


def _name_points(axes: Axes, front: pd.DataFrame) -> None:
    """Write the ranks of a front's points where they don't touch, the fastest first.

    Args:
        axes: axes that have their scale.
        front: points of the front, the fastest last.
    """
    taken: list[tuple[float, float]] = []
    for _, line in front.iloc[::-1].iterrows():
        x, y = axes.transData.transform((line["memory_mib"], line["samples_per_s"]))
        if any(abs(x - left) < ROOM[0] and abs(y - below) < ROOM[1] for left, below in taken):
            continue
        taken.append((x, y))
        axes.annotate(
            f"{line['rank']}", (line["memory_mib"], line["samples_per_s"]), xytext=(0, 5),
            textcoords="offset points", ha="center", va="bottom", fontsize=8, color=INK,
        )  # fmt: skip


def _tell(sweep: RankedSweep, panel: Panel) -> str:
    front = find_front(panel.lines)
    points = join_few(
        f"{sweep.name(line)}, {format_rate(line['samples_per_s'])} samples/s in "
        f"{format_bytes(int(line['peak_memory_bytes']))}"
        for _, line in front.iloc[::-1].iterrows()
    )
    work = f" for {panel.name}" if panel.name else ""
    verb = "is" if len(front) == 1 else "are"
    every = format_count(len(panel.lines), "configuration")
    told = f"Of {every}{work}, {len(front)} {verb} on the Pareto front: {points}."
    baseline = next((line for _, line in panel.lines.iterrows() if is_baseline(line)), None)
    if baseline is None:
        return told
    return (
        f"{told} The baseline has {format_rate(baseline['samples_per_s'])} samples/s in "
        f"{format_bytes(int(baseline['peak_memory_bytes']))}."
    )
