"""The chart of the screen: each candidate's ratio to the present one, the ones that went on marked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from bench.analysis.tuning.tuning import Tuning
from bench.report.charts.chart import Chart, mark_configuration
from bench.report.charts.chart_words import join_sentences
from bench.report.charts.palette import BEST, INK, MUTED
from bench.report.charts.row_axes import ABOVE, write_title
from bench.report.explain.wording import format_factor
from bench.report.tune.charts.looks import HOLLOW, NOW, OVER_PRESENT, describe_context, scale_ratios
from bench.report.tune.words import YOURS, find_fate, name_setting, select_ends
from bench.text import format_count

NAME, TITLE = "screen_ratios", "The screen"
KNOB = "num_workers"
WIDTH, HEIGHT = 7.5, 4.0
# Inches below and to the left of the axes.
BELOW, LEFT = 0.95, 0.75
# Width that the candidates of one value take, in steps of the axis.
SPREAD = 0.6
KEPT: dict[str, Any] = {"marker": "o", "color": BEST, "markersize": 6}
DROPPED: dict[str, Any] = {"marker": "o", "color": MUTED, "markersize": 4, **HOLLOW, "markeredgewidth": 1.0}


def make_screen_ratios(tuning: Tuning) -> Chart | None:
    """Make the chart of the screen; None where fewer than two candidates were screened."""
    ratios = {
        number: ratio
        for number in range(1, len(tuning.candidates))
        if (ratio := find_fate(tuning, number).screen_ratio) is not None
    }
    if len(ratios) < 2:
        return None
    context = describe_context(tuning)
    figure = Figure(figsize=(WIDTH, HEIGHT))
    axes = figure.add_axes((LEFT / WIDTH, BELOW / HEIGHT, 0.99 - LEFT / WIDTH, 1 - (ABOVE + BELOW) / HEIGHT))
    sns.despine(ax=axes)
    write_title(figure, TITLE, context)
    places, how = _place(axes, tuning, ratios)
    axes.axhline(1, zorder=0, **NOW)
    screened = set(select_ends(tuning, "screened"))
    looks = {number: DROPPED if number in screened else KEPT for number in ratios}
    for number in sorted(ratios, key=lambda number: number not in screened):
        for part in axes.plot(places[number], ratios[number], ls="", zorder=3, **looks[number]):
            mark_configuration(part, number)
    axes.tick_params(labelsize=9)
    scale_ratios(axes.yaxis, [1.0, *ratios.values()])
    axes.set_ylabel(OVER_PRESENT, fontsize=9)
    kept = len(ratios) - len(screened & set(ratios))
    _add_legend(axes, looks, "went on to the race" if tuning.outcome.race_blocks else "kept")
    unseen = len(tuning.candidates) - 1 - len(ratios)
    caption = join_sentences(
        f"A mark is the mean of one to three short trials over those of {YOURS} around them, {how}",
        f"{_describe_kept(tuning, ratios, kept)}; the choice is outside of a race's guarantee",
        f"{format_count(unseen, 'candidate')} without a trial aren't shown" if unseen else "",
        context,
    )
    return Chart(NAME, TITLE, _tell(tuning, ratios, kept), caption, figure, tuple(ratios))


def _place(axes: Axes, tuning: Tuning, ratios: Mapping[int, float]) -> tuple[dict[int, float], str]:
    """Place candidates along the x axis: by their workers, or by their rank where workers don't vary.

    Returns:
        The place of each candidate, and the meaning of the axis.
    """
    values = {number: tuning.candidates[number].cells.get(KNOB, "") for number in ratios}
    groups = sorted(set(values.values()), key=lambda value: (int(value) if value.isdecimal() else -1, value))
    ranked = sorted(ratios, key=lambda number: -ratios[number])
    if len(groups) < 2:
        axes.set_xlabel("rank in the screen", fontsize=9)
        return {number: float(rank) for rank, number in enumerate(ranked, start=1)}, "by rank"
    places = {}
    for step, group in enumerate(groups):
        members = [number for number in ranked if values[number] == group]
        for place, number in enumerate(members):
            places[number] = step + SPREAD * ((place + 0.5) / len(members) - 0.5)
    axes.set_xticks(range(len(groups)), [group or "none" for group in groups])
    axes.set_xlim(-0.6, len(groups) - 0.4)
    axes.set_xlabel(KNOB, fontsize=9)
    return places, "side by side in the order of rank where the workers are the same"


def _describe_kept(tuning: Tuning, ratios: Mapping[int, float], kept: int) -> str:
    went = "went on to the race" if tuning.outcome.race_blocks else "were kept, without time to race them"
    return f"{kept:,} of {format_count(len(ratios), 'candidate')} {went}"


def _add_legend(axes: Axes, looks: Mapping[int, dict[str, Any]], kept: str) -> None:
    named = ((KEPT, kept), (DROPPED, "left out"))
    used: Sequence[dict[str, Any]] = list(looks.values())
    handles: list[Line2D] = [
        Line2D([], [], ls="", label=name, **look) for look, name in named if look in used
    ]
    handles.append(Line2D([], [], label=YOURS, **NOW))
    axes.legend(
        handles=handles, loc="upper left", bbox_to_anchor=(0.0, -0.2), ncol=3, frameon=False, fontsize=9,
        borderaxespad=0, borderpad=0, labelcolor=INK,
    )  # fmt: skip


def _tell(tuning: Tuning, ratios: Mapping[int, float], kept: int) -> str:
    best = max(ratios, key=lambda number: ratios[number])
    told = f"{_describe_kept(tuning, ratios, kept)}."
    factor = format_factor(ratios[best])
    return f"{told} The highest ratio is that of {name_setting(tuning, best)}: {factor} times {YOURS}."
