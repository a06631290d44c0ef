"""The chart of the race: each configuration's ratio to the present one, when it left, and why."""

from __future__ import annotations

from matplotlib.lines import Line2D

from bench.analysis.tuning.tuning import Tuning
from bench.report.charts.chart import Chart, mark_configuration
from bench.report.charts.chart_words import join_sentences, shorten
from bench.report.charts.palette import FAINT
from bench.report.charts.row_axes import NAME_LETTERS, make_row_axes
from bench.report.explain.wording import format_factor
from bench.report.tune.charts.looks import (
    NOW,
    OVER_PRESENT,
    choose_look,
    describe_context,
    list_looks,
    scale_ratios,
)
from bench.report.tune.words import (
    STOPS,
    YOURS,
    describe_end,
    find_fate,
    format_ratio_to_present,
    list_raced,
    name_row,
    name_setting,
    order_candidates,
)
from bench.text import format_count

NAME, TITLE = "race_ratios", "The race"
# Rows of many fit on one screen when they are lower.
MANY, LOW_ROW_INCHES, ROW_INCHES = 14, 0.38, 0.44
# More rows than these make a picture of several screens.
MOST_ROWS = 40
# The axis shows these ratios at least: in a narrower one noise looks like a difference.
NARROWEST = (0.97, 1.03)
# Letters of what became of a configuration.
END_LETTERS = 30


def make_race_ratios(tuning: Tuning) -> Chart | None:
    """Make the chart of the race; None where fewer than two configurations ran a block of it."""
    raced = set(list_raced(tuning))
    ordered = [number for number in order_candidates(tuning) if number in raced]
    known = [number for number in ordered if find_fate(tuning, number).race_ratio is not None]
    if len(known) < 2:
        return None
    shown = ordered[:MOST_ROWS]
    context = describe_context(tuning)
    rows = make_row_axes(len(shown), TITLE, context, LOW_ROW_INCHES if len(shown) > MANY else ROW_INCHES)
    for place, number in enumerate(shown):
        rows.axes.axhline(place, color=FAINT, lw=0.8, zorder=0)
        rows.draw_reference(place, 1.0, NOW)
        rows.name(place, shorten(name_row(tuning, number), NAME_LETTERS))
        ratio = find_fate(tuning, number).race_ratio
        rows.write(place, shorten(describe_end(tuning, number), END_LETTERS), format_ratio_to_present(ratio))
        if ratio is not None:
            for part in rows.axes.plot(ratio, place, ls="", zorder=3, **choose_look(tuning, number)):
                mark_configuration(part, number)
    ratios = [ratio for number in shown if (ratio := find_fate(tuning, number).race_ratio) is not None]
    scale_ratios(rows.axes.xaxis, [*ratios, *NARROWEST])
    rows.axes.set_xlabel(OVER_PRESENT, fontsize=9)
    rows.add_legend([Line2D([], [], ls="", label=name, **look) for look, name in list_looks(tuning, shown)])
    more = len(ordered) - len(shown)
    caption = join_sentences(
        "A mark is the ratio over the blocks that both ran; it is selected, and so optimistic for the best",
        f"The race had {format_count(tuning.outcome.race_blocks, 'block')} and ended since "
        f"{STOPS[tuning.outcome.stop]}",
        f"{format_count(more, 'more configuration')} aren't shown" if more else "",
        context,
    )
    return Chart(NAME, TITLE, _tell(tuning, known), caption, rows.figure, tuple(shown))


def _tell(tuning: Tuning, known: list[int]) -> str:
    def read(number: int) -> float:
        return find_fate(tuning, number).race_ratio or 0.0

    best = max(known, key=read)
    left = format_count(len(tuning.outcome.tied), "configuration")
    told = f"{left} of {len(known):,} stayed in the race to its end."
    ratio = format_factor(read(best))
    return f"{told} The highest ratio is that of {name_setting(tuning, best)}: {ratio} times {YOURS}."
