"""The chart of the ladder: what each stage costs, by itself."""

from __future__ import annotations

import seaborn as sns
from matplotlib.figure import Figure

from bench.analysis.explanation.explanation import Explanation
from bench.report.explain.charts.chart_text import make_title, wrap_label
from bench.report.explain.wording import count_samples, find_cost_s, name_piece
from bench.text import choose_unit

ROW_INCHES = 0.42


def draw_stage_costs(explanation: Explanation) -> Figure:
    """Draw what each stage of the ladder adds to a sample, with its interval, in the order of running."""
    ladder = explanation.ladder
    samples = count_samples(explanation)
    unit = choose_unit(rung.sample_s for rung in ladder)
    figure = Figure(figsize=(9, 1.6 + ROW_INCHES * len(ladder)))
    axes = figure.add_subplot()
    in_turn, overlapped = sns.color_palette("colorblind", 2)
    for place, rung in enumerate(ladder):
        color = overlapped if rung.is_overlapped else in_turn
        cost = find_cost_s(rung) / unit.seconds
        axes.barh(place, cost, color=color, height=0.6)
        if rung.batch_s.low is not None and rung.batch_s.high is not None:
            ends = [end / samples / unit.seconds for end in (rung.batch_s.low, rung.batch_s.high)]
            axes.plot(ends, [place, place], color="0.2", lw=1.5)
        axes.annotate(
            unit.format(find_cost_s(rung)), (1.01, place), xycoords=("axes fraction", "data"), va="center"
        )
    axes.set_yticks(range(len(ladder)), [wrap_label(rung.name) for rung in ladder])
    axes.set_ylim(len(ladder) - 0.4, -0.6)
    axes.set_xlabel(f"{unit.name} a {name_piece(explanation)}: difference of two rungs, and its 95% interval")
    sns.despine(ax=axes)
    for color, label, shown in (
        (in_turn, "runs in turn", any(not rung.is_overlapped for rung in ladder)),
        (overlapped, "overlapped: runs beside the step", any(rung.is_overlapped for rung in ladder)),
    ):
        if shown:
            axes.barh([0], [0], color=color, label=label)
    axes.legend(
        loc="upper center", bbox_to_anchor=(0.5, -0.6 / figure.get_figheight()), ncol=2, frameon=False
    )
    axes.set_title(make_title("What each stage costs alone", explanation.setup.name), loc="left")
    return figure
