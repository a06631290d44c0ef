"""RowAxes: a figure of rows, each with a name above its marks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.transforms import blended_transform_factory

from bench.report.charts.chart import TITLE
from bench.report.charts.palette import INK, MUTED

WIDTH, ROW_INCHES = 7.5, 0.44
# Distance of a name to its marks, in rows.
LABEL = 0.43
# Width of a column of figures, as a share of the axes, and letters of a name beside two columns.
COLUMN, NAME_LETTERS = 0.215, 58
# Heights in inches of what stands above and below the rows.
ABOVE, BELOW = 0.62, 0.85


@dataclass(frozen=True)
class RowAxes:
    """A figure of rows, each with a name above its marks.

    A row has a name on the left and texts on the right; marks stand below them. Names take no width from the
    marks, however long they are.

    Attributes:
        figure: the figure.
        axes: its axes; y is the place of a row, from 0 at the top.
    """

    figure: Figure
    axes: Axes

    def name(self, place: float, text: str, **look: Any) -> None:
        """Write a text at the left end of a row."""
        self._write(0, place, text, **look)

    def write(self, place: float, *texts: str) -> None:
        """Write texts at the right end of a row, each in a column of its own."""
        for column, text in enumerate(reversed(texts)):
            self._write(1 - COLUMN * column, place, text, ha="right")

    def draw_reference(self, place: float, value: float, look: Mapping[str, Any]) -> None:
        """Draw a short vertical line at a value, which leaves the texts of a row alone."""
        self.axes.vlines(value, place - 0.2, place + 0.2, zorder=0, **look)

    def add_legend(self, handles: Sequence[Any], columns: int = 5, lines: int = 1) -> None:
        """Add a legend below the axes, at the same distance whatever the height of the figure.

        Args:
            handles: marks with their labels.
            columns: number of columns; default 5.
            lines: lines of the label of the x axis above it; default 1.
        """
        inches = self.figure.get_figheight() - ABOVE - BELOW
        self.axes.legend(
            handles=handles, loc="upper left", bbox_to_anchor=(0.0, -(0.36 + 0.16 * lines) / inches),
            ncol=columns, frameon=False, fontsize=9, borderaxespad=0, borderpad=0, labelcolor=INK,
            columnspacing=1.4,
        )  # fmt: skip

    def _write(self, share: float, place: float, text: str, **look: Any) -> None:
        """Write a text above the marks of a row, at a share of the axes' width."""
        across = blended_transform_factory(self.axes.transAxes, self.axes.transData)
        given = {"transform": across, "va": "center", "fontsize": 9, "color": INK, **look}
        self.axes.text(share, place - LABEL, text, **given)


def make_row_axes(rows: float, title: str, context: str, row_inches: float = ROW_INCHES) -> RowAxes:
    """Make a figure of rows without any marks yet.

    Args:
        rows: height in rows.
        title: title of the figure.
        context: second line of the title.
        row_inches: height of a row; default 0.44.
    """
    figure = Figure(figsize=(WIDTH, ABOVE + BELOW + row_inches * rows))
    height = figure.get_figheight()
    axes = figure.add_axes((0.01, BELOW / height, 0.98, 1 - (ABOVE + BELOW) / height))
    # Above the first row stands its name.
    axes.set_ylim(rows - 0.5, -0.7)
    axes.yaxis.set_visible(False)
    axes.tick_params(labelsize=9)
    sns.despine(ax=axes, left=True)
    write_title(figure, title, context)
    return RowAxes(figure, axes)


def write_title(figure: Figure, title: str, context: str) -> None:
    """Write the title of a figure into the ABOVE inches over its axes.

    Args:
        figure: the figure.
        title: its title.
        context: second line of the title.
    """
    for text, inches, size, weight, color in (
        (title, 0.28, 11.5, "bold", INK),
        (context, 0.48, 9, "normal", MUTED),
    ):
        figure.text(
            0.01, 1 - inches / figure.get_figheight(), text, ha="left", va="bottom", fontsize=size,
            weight=weight, color=color, gid=TITLE,
        )  # fmt: skip
