"""The chart of where the time of a sample goes, in the training process and in a worker."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.colors import to_rgb
from matplotlib.patches import Patch
from matplotlib.ticker import FuncFormatter

from bench.analysis.explanation.explanation import Explanation, Part
from bench.report.charts.chart import Chart
from bench.report.charts.chart_words import join_sentences
from bench.report.charts.palette import INK, SURFACE, choose_ink
from bench.report.charts.row_axes import ABOVE, BELOW, RowAxes, make_row_axes
from bench.report.explain.charts.chart_text import describe_context, make_plain
from bench.report.explain.overlap import describe_overlap
from bench.report.explain.wording import (
    IDLE,
    OTHER,
    START_UP,
    STEP,
    TRAINING,
    WAITING,
    WORKER,
    count_samples,
    describe_workers,
    name_piece,
)
from bench.text import choose_unit, format_share, join_words

ROW_INCHES = 0.78
# Lower than elsewhere stand the marks of a row this high, in rows.
LIFT = 0.14
PROCESS = "training process"
# Neutral colours: faint ones first.
NEUTRAL = ((0.0, 0.0, 0.0, 0.12), (0.0, 0.0, 0.0, 0.28), (0.0, 0.0, 0.0, 0.42), (0.0, 0.0, 0.0, 0.55))
# Width of one letter of a name inside a bar, as a share of the axis.
LETTER_SHARE = 0.0105
# Darkest of the shades of transforms.
TRANSFORMS = "#5b3a9e"
# A part that is narrower can't be seen.
LEAST_SHARE = 0.0005


def make_where_a_sample_goes(explanation: Explanation) -> Chart | None:
    """Make the chart with one bar for the training process, and one on the same scale for a worker.

    Returns:
        None where no part is known.
    """
    if not explanation.parts:
        return None
    bars = {PROCESS: _list_parts(explanation, TRAINING)}
    if worker := _list_parts(explanation, WORKER):
        bars[f"{describe_workers(explanation.setup)}, at the same time"] = worker
    colors = _choose_colors([part for parts in bars.values() for part in parts])
    title, context = f"Where the time of a {name_piece(explanation)} goes", describe_context(explanation)
    rows = make_row_axes(len(bars), title, context, ROW_INCHES)
    end = max(1.0, *(sum(part.share for part in parts) for parts in bars.values()))
    for place, (name, parts) in enumerate(bars.items()):
        rows.name(place + LIFT, name)
        _draw_bar(rows.axes, place + LIFT, parts, colors, end)
    rows.axes.set_xlim(0, end)
    rows.axes.xaxis.set_major_formatter(FuncFormatter(lambda share, _: f"{share:.0%}"))
    rows.axes.set_xlabel("share of an epoch's wall time", fontsize=9)
    _add_legends(rows, explanation, list(bars.values()), colors)
    caption = join_sentences(describe_overlap(explanation), context)
    return Chart("where_a_sample_goes", title, _tell(bars), caption, rows.figure)


def _tell(bars: Mapping[str, Sequence[Part]]) -> str:
    """Return the two largest parts of each process."""
    sentences = []
    for name, parts in bars.items():
        largest = sorted(parts, key=lambda part: -part.share)[:2]
        shares = join_words([f"{format_share(part.share)} {make_plain(part.name)}" for part in largest])
        process = f"the {name}" if name == PROCESS else name.partition(",")[0]
        sentences.append(f"The time of {process} is {shares}.")
    return " ".join(sentences)


def _list_parts(explanation: Explanation, place: str) -> list[Part]:
    return [part for part in explanation.parts if part.place == place and part.share >= LEAST_SHARE]


def _choose_colors(parts: Sequence[Part]) -> dict[tuple[str, str], Any]:
    """Return the colour of each part: of a fixed one by its name, of transforms in shades of one colour."""
    palette = sns.color_palette("colorblind")
    fixed = {
        STEP: palette[2], WAITING: palette[3], START_UP: palette[1], "start": palette[1], "fetch": palette[0],
        "collate": palette[5], "transfer": palette[8], "DataLoader": palette[4], "handing on": palette[9],
        "order": palette[6], IDLE: NEUTRAL[0], OTHER: NEUTRAL[1], "teardown": NEUTRAL[2],
    }  # fmt: skip
    transforms = list(dict.fromkeys(_key(part) for part in parts if part.stage == "transform"))
    shades = sns.light_palette(TRANSFORMS, len(transforms) + 2)[2:]
    colors = dict(zip(transforms, shades, strict=True))
    for part in parts:
        colors.setdefault(_key(part), fixed.get(part.name, NEUTRAL[3]))
    return colors


def _key(part: Part) -> tuple[str, str]:
    return part.stage, part.name


def _draw_bar(
    axes: Axes, place: float, parts: Sequence[Part], colors: dict[tuple[str, str], Any], end: float
) -> None:
    """Draw the parts of one process one after another; names stand in those that are wide enough."""
    left = 0.0
    for part in parts:
        color = colors[_key(part)]
        axes.barh(place, part.share, left=left, color=color, height=0.46, edgecolor=SURFACE, linewidth=0.6)
        name = make_plain(part.name)
        if part.share / end > LETTER_SHARE * (len(name) + 1):
            # On a faint neutral part a text follows the page.
            ink = INK if color in NEUTRAL else choose_ink(to_rgb(color))
            axes.text(left + part.share / 2, place, name, ha="center", va="center", fontsize=9, color=ink)
        left += part.share


def _add_legends(
    rows: RowAxes,
    explanation: Explanation,
    bars: Sequence[Sequence[Part]],
    colors: dict[tuple[str, str], Any],
) -> None:
    """Add a legend with the figures of each process below the axes, side by side."""
    samples = count_samples(explanation)
    unit = choose_unit(part.batch_s.median / samples for parts in bars for part in parts)
    below = -0.55 / (rows.figure.get_figheight() - ABOVE - BELOW)
    piece = name_piece(explanation)
    titles = [
        f"training process, {unit.name}/{piece}",
        f"{describe_workers(explanation.setup)}, {unit.name}/own {piece}",
    ]
    for place, (title, parts) in enumerate(zip(titles, bars, strict=False)):
        # The figure stands first: matplotlib leaves out a label that begins with an underscore.
        times = [unit.format(part.batch_s.median / samples) for part in parts]
        labels = [
            f"{format_share(part.share)}  {make_plain(part.name)}, {time}"
            for part, time in zip(parts, times, strict=True)
        ]
        handles = [Patch(facecolor=colors[_key(part)], linewidth=0) for part in parts]
        # Axes hold one legend; a figure holds several.
        rows.figure.legend(
            handles, labels, title=title, loc="upper left", bbox_to_anchor=(0.5 * place, below),
            bbox_transform=rows.axes.transAxes, frameon=False, fontsize=9, title_fontsize=9, alignment="left",
            ncol=2 if len(bars) == 1 else 1, labelcolor=INK, borderaxespad=0, borderpad=0,
        )  # fmt: skip
