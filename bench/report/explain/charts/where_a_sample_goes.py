"""The chart of where the time of a sample goes, in the training process and in a worker."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from matplotlib.patches import Patch
from matplotlib.ticker import FuncFormatter

from bench.analysis.explanation.explanation import Explanation, Part
from bench.report.explain.charts.chart_text import make_plain, make_title
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
from bench.text import choose_unit, format_share

WIDTH, BAR_INCHES, LINE_INCHES = 10.0, 0.95, 0.22
# Width of one letter of a name inside a bar, as a share of the axis.
LETTER_SHARE = 0.0085
# Darkest of the shades of transforms.
TRANSFORMS = "#5b3a9e"
# A part that is narrower can't be seen.
LEAST_SHARE = 0.0005


def draw_where_a_sample_goes(explanation: Explanation) -> Figure:
    """Draw one bar for the training process, and one for a worker beside it, on one scale of time."""
    bars = {"training\nprocess": _list_parts(explanation, TRAINING)}
    if worker := _list_parts(explanation, WORKER):
        bars[f"{describe_workers(explanation.setup)},\nat the same time"] = worker
    colors = _choose_colors([part for parts in bars.values() for part in parts])
    figure = Figure(figsize=(WIDTH, 1.1 + BAR_INCHES * len(bars)))
    axes = figure.add_subplot()
    end = max(1.0, *(sum(part.share for part in parts) for parts in bars.values()))
    for place, parts in enumerate(bars.values()):
        _draw_bar(axes, place, parts, colors, end)
    axes.set_yticks(range(len(bars)), list(bars))
    axes.set_ylim(len(bars) - 0.5, -0.5)
    axes.set_xlim(0, end)
    axes.xaxis.set_major_formatter(FuncFormatter(lambda share, _: f"{share:.0%}"))
    axes.set_xlabel(f"share of an epoch's wall time\n{describe_overlap(explanation)}", fontsize=9)
    sns.despine(ax=axes, left=True)
    axes.tick_params(axis="y", length=0)
    _add_legends(figure, axes, explanation, list(bars.values()), colors)
    title = f"Where the time of a {name_piece(explanation)} goes"
    axes.set_title(make_title(title, explanation.setup.name), loc="left")
    return figure


def _list_parts(explanation: Explanation, place: str) -> list[Part]:
    return [part for part in explanation.parts if part.place == place and part.share >= LEAST_SHARE]


def _choose_colors(parts: Sequence[Part]) -> dict[tuple[str, str], Any]:
    """Return the colour of each part: of a fixed one by its name, of transforms in shades of one colour."""
    palette = sns.color_palette("colorblind")
    fixed = {
        STEP: palette[2], WAITING: palette[3], START_UP: palette[1], "start": palette[1], "fetch": palette[0],
        "collate": palette[5], "transfer": palette[8], "DataLoader": palette[4], "handing on": palette[9],
        "order": palette[6], IDLE: "0.9", OTHER: "0.75", "teardown": "0.6",
    }  # fmt: skip
    transforms = list(dict.fromkeys(_key(part) for part in parts if part.stage == "transform"))
    shades = sns.light_palette(TRANSFORMS, len(transforms) + 2)[2:]
    colors = dict(zip(transforms, shades, strict=True))
    for part in parts:
        colors.setdefault(_key(part), fixed.get(part.name, "0.5"))
    return colors


def _key(part: Part) -> tuple[str, str]:
    return part.stage, part.name


def _draw_bar(
    axes: Axes, place: int, parts: Sequence[Part], colors: dict[tuple[str, str], Any], end: float
) -> None:
    """Draw the parts of one process one after another; names stand in those that are wide enough."""
    left = 0.0
    for part in parts:
        color = colors[_key(part)]
        axes.barh(place, part.share, left=left, color=color, height=0.7, edgecolor="white", linewidth=0.6)
        name = make_plain(part.name)
        if part.share / end > LETTER_SHARE * (len(name) + 1):
            ink = "white" if _find_brightness(color) < 0.5 else "black"
            axes.text(left + part.share / 2, place, name, ha="center", va="center", fontsize=9, color=ink)
        left += part.share


def _find_brightness(color: Any) -> float:
    """Return how bright a colour looks, from 0 for black to 1 for white."""
    red, green, blue = to_rgb(color)
    return 0.299 * red + 0.587 * green + 0.114 * blue


def _add_legends(
    figure: Figure,
    axes: Axes,
    explanation: Explanation,
    bars: Sequence[Sequence[Part]],
    colors: dict[tuple[str, str], Any],
) -> None:
    """Add a legend with the figures of each process below the axes, side by side."""
    samples = count_samples(explanation)
    unit = choose_unit(part.batch_s.median / samples for parts in bars for part in parts)
    below = -0.8 / figure.get_figheight()
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
        handles = [Patch(color=colors[_key(part)]) for part in parts]
        # Axes hold one legend; a figure holds several.
        figure.legend(
            handles, labels, title=title, loc="upper left", bbox_to_anchor=(0.5 * place, below),
            bbox_transform=axes.transAxes, frameon=False, fontsize=9, alignment="left",
            ncol=2 if len(bars) == 1 else 1,
        )  # fmt: skip
