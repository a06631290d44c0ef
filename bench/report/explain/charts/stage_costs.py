"""The chart of the ladder: what each stage costs, by itself."""

from __future__ import annotations

from matplotlib.patches import Patch

from bench.analysis.explanation.explanation import Explanation, Rung
from bench.report.charts.chart import Chart
from bench.report.charts.chart_words import join_sentences
from bench.report.charts.palette import BASELINE, BEST, INK
from bench.report.charts.row_axes import make_row_axes
from bench.report.explain.charts.chart_text import describe_context, shorten_change
from bench.report.explain.wording import count_samples, find_cost_s, name_piece
from bench.text import choose_unit, printable

IN_TURN, OVERLAPPED = (BEST, None), (BASELINE, "///")


def make_stage_costs(explanation: Explanation) -> Chart | None:
    """Make the chart of what each stage of the ladder adds to a sample; None where none was measured."""
    ladder = explanation.ladder
    if not ladder:
        return None
    samples, piece = count_samples(explanation), name_piece(explanation)
    unit = choose_unit(rung.sample_s for rung in ladder)
    title = "What each stage costs alone"
    rows = make_row_axes(len(ladder), title, describe_context(explanation))
    for place, rung in enumerate(ladder):
        color, hatch = OVERLAPPED if rung.is_overlapped else IN_TURN
        rows.axes.barh(
            place, find_cost_s(rung) / unit.seconds, color=color, height=0.4, hatch=hatch, linewidth=0,
            edgecolor=(0, 0, 0, 0.35),
        )  # fmt: skip
        if rung.batch_s.low is not None and rung.batch_s.high is not None:
            ends = [end / samples / unit.seconds for end in (rung.batch_s.low, rung.batch_s.high)]
            rows.axes.plot(ends, [place, place], color=INK, lw=1.5)
        rows.name(place, shorten_change(rung.name))
        rows.write(place, unit.format(find_cost_s(rung)))
    rows.axes.set_xlabel(f"{unit.name} a {piece}", fontsize=9)
    named = (
        ("runs in turn", IN_TURN, any(not rung.is_overlapped for rung in ladder)),
        ("overlapped: runs beside the step", OVERLAPPED, any(rung.is_overlapped for rung in ladder)),
    )
    rows.add_legend(
        [
            Patch(facecolor=color, hatch=hatch, edgecolor=(0, 0, 0, 0.35), linewidth=0, label=name)
            for name, (color, hatch), shown in named
            if shown
        ]
    )
    interval = (
        "with its 95% interval" if _has_interval(ladder) else "without an interval, which needs three blocks"
    )
    caption = join_sentences(
        f"A bar is the difference of two rungs of the ladder, {interval}", describe_context(explanation)
    )
    dearest = max(ladder, key=find_cost_s)
    told = (
        f"The dearest of {len(ladder)} stages is {printable(dearest.name)}, which adds "
        f"{unit.format(find_cost_s(dearest))} {unit.name} to a {piece}."
    )
    return Chart("stage_costs", title, told, caption, rows.figure)


def _has_interval(ladder: tuple[Rung, ...]) -> bool:
    return any(rung.batch_s.low is not None for rung in ladder)
