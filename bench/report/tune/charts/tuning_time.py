"""The chart of where the time of a tuning went."""

from __future__ import annotations

from typing import Any

import seaborn as sns
from matplotlib.colors import to_rgb
from matplotlib.patches import Patch
from matplotlib.ticker import FuncFormatter

from bench.analysis.tuning.tuning import StageFacts, Tuning
from bench.report.charts.chart import Chart
from bench.report.charts.chart_words import join_sentences
from bench.report.charts.palette import SURFACE, choose_ink
from bench.report.charts.row_axes import make_row_axes
from bench.report.tune.charts.looks import describe_context
from bench.text import choose_unit, format_count, format_duration, format_share, join_words

NAME, TITLE = "tuning_time", "Where the time of the tuning went"
STAGES = ("probe", "screen", "race", "confirm")
# Width of one letter of a name inside the bar, as a share of the axis.
LETTER_SHARE = 0.0105


def make_tuning_time(tuning: Tuning) -> Chart | None:
    """Make the chart of the time of each stage, without that of the whole grid; None where none is known."""
    stages = [stage for stage in tuning.stages if stage.stage in STAGES and stage.seconds > 0]
    if not stages:
        return None
    total = sum(stage.seconds for stage in stages)
    context = describe_context(tuning)
    rows = make_row_axes(1, TITLE, context)
    rows.name(0, f"{format_duration(total)} in all")
    palette = sns.color_palette("colorblind")
    colors: dict[str, Any] = dict(zip(STAGES, (palette[7], palette[9], palette[0], palette[2]), strict=True))
    unit = choose_unit([total])
    left = 0.0
    for stage in stages:
        color, width = colors[stage.stage], stage.seconds / unit.seconds
        rows.axes.barh(0, width, left=left, color=color, height=0.46, edgecolor=SURFACE, linewidth=0.6)
        if stage.seconds / total > LETTER_SHARE * (len(stage.stage) + 1):
            rows.axes.text(
                left + width / 2, 0, stage.stage, ha="center", va="center", fontsize=9,
                color=choose_ink(to_rgb(color)),
            )  # fmt: skip
        left += width
    rows.axes.set_xlim(0, total / unit.seconds)
    rows.axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    rows.axes.set_xlabel(unit.name, fontsize=9)
    rows.add_legend(
        [Patch(facecolor=colors[one.stage], linewidth=0, label=_describe(one)) for one in stages], columns=2
    )
    shares = join_words([f"{format_share(one.seconds / total)} {one.stage}" for one in stages])
    caption = join_sentences(
        "Trials grow longer from stage to stage, and fewer configurations are left for them", context
    )
    return Chart(NAME, TITLE, f"The time is {shares}.", caption, rows.figure)


def _describe(stage: StageFacts) -> str:
    return f"{stage.stage}: {format_duration(stage.seconds)}, {format_count(stage.trials, 'trial')}"
