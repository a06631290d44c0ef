"""Panels: a figure of several small axes that wrap."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine

from bench.analysis.naming import find_varied, make_labels
from bench.report.charts.chart import TITLE
from bench.report.charts.chart_words import shorten
from bench.report.charts.palette import INK, MUTED
from bench.report.charts.ranked_sweep import RankedSweep
from bench.text import format_count

WIDTH = 7.5
# More panels make a picture of several screens.
MOST_PANELS, COLUMNS = 9, 3
# Letters of a panel's title in one line, by the number of columns.
TITLE_LETTERS = {1: 90, 2: 48, 3: 32}
TITLE_LINES = 3
# Height of the figure's title.
TITLE_INCHES = 0.5


@dataclass(frozen=True)
class Panel:
    """Configurations that agree in all settings that a chart does not vary.

    Attributes:
        name: those settings, where they vary in the sweep.
        lines: lines of the summary.
    """

    name: str
    lines: pd.DataFrame


@dataclass(frozen=True)
class PanelChart:
    """A figure of several small axes that wrap.

    Attributes:
        figure: the figure.
        panels: axes and configurations of each panel.
    """

    figure: Figure
    panels: tuple[tuple[Axes, Panel], ...]

    def add_legend(self, handles: Sequence[Any], labels: Sequence[str], title: str | None = None) -> None:
        """Add a legend of all panels below them."""
        if handles:
            self.figure.legend(
                handles, labels, title=title, loc="outside lower left", ncol=5, frameon=False, fontsize=9,
                title_fontsize=9, labelcolor=INK, alignment="left",
            )  # fmt: skip


def split_panels(sweep: RankedSweep, lines: pd.DataFrame, varied: Sequence[str]) -> list[Panel]:
    """Split configurations by all settings but some; those of the best and of the baseline come first.

    Args:
        sweep: sweep that they belong to.
        lines: lines of the summary.
        varied: columns that vary inside a panel.
    """
    others = [name for name in find_varied(sweep.summary) if name not in varied]
    names = make_labels(lines, others) if others else pd.Series("", index=lines.index)
    panels = [Panel(str(name), group) for name, group in lines.groupby(names, sort=False)]

    def place(panel: Panel) -> tuple[bool, bool, float]:
        numbers = panel.lines["configuration"]
        best = (panel.lines["rank"] == 1).any()
        return not best, not numbers.isin(set(sweep.summary["baseline"])).any(), -_find_most(panel.lines)

    return sorted(panels, key=place)


def make_panel_chart(panels: Sequence[Panel], title: str, context: str, inches: float = 2.5) -> PanelChart:
    """Make a figure with axes for the first panels, and nothing drawn yet.

    Args:
        panels: panels, the most important first.
        title: title of the figure.
        context: second line of the title.
        inches: height of a row of panels; default 2.5.
    """
    shown = panels[:MOST_PANELS]
    columns = min(COLUMNS, len(shown))
    lines = -(-len(shown) // columns)
    # One panel alone has the width of a page, but not the height.
    width = WIDTH if columns > 1 else 0.75 * WIDTH
    height = 1.2 + inches * lines * (1.15 if columns == 1 else 1)
    layout = ConstrainedLayoutEngine(rect=(0, 0, 1, 1 - TITLE_INCHES / height))
    figure = Figure(figsize=(width, height), layout=layout)
    for text, place, size, weight, color in (
        (title, 0.04, 11.5, "bold", INK),
        (context, 0.27, 9, "normal", MUTED),
    ):
        figure.text(
            0.01, 1 - place / height, text, ha="left", va="top", fontsize=size, weight=weight,
            color=color, gid=TITLE,
        )  # fmt: skip
    made = []
    for place, panel in enumerate(shown, start=1):
        axes = figure.add_subplot(lines, columns, place)
        axes.set_title(_wrap(panel.name, TITLE_LETTERS[columns]), fontsize=8.5, loc="left", color=INK)
        axes.tick_params(labelsize=8.5)
        sns.despine(ax=axes)
        made.append((axes, panel))
    return PanelChart(figure, tuple(made))


def describe_hidden(panels: Sequence[Panel]) -> str:
    """Return how many panels a chart leaves out; empty where it shows all."""
    hidden = len(panels) - MOST_PANELS
    return f"Not shown: {format_count(hidden, 'panel')} of slower settings." if hidden > 0 else ""


def list_left(chart: PanelChart) -> Iterator[Axes]:
    """Yield the axes at the left edge of the figure."""
    columns = min(COLUMNS, len(chart.panels))
    for place, (axes, _) in enumerate(chart.panels):
        if place % columns == 0:
            yield axes


def _find_most(lines: pd.DataFrame) -> float:
    return float(lines["samples_per_s"].max())


def _wrap(text: str, letters: int) -> str:
    """Return a title in a few lines, broken between settings."""
    lines = [""]
    for word in (shorten(word, letters) for word in text.split(" ")):
        if lines[-1] and len(lines[-1]) + 1 + len(word) > letters:
            lines.append("")
        lines[-1] = f"{lines[-1]} {word}".strip()
    if len(lines) > TITLE_LINES:
        lines = [*lines[: TITLE_LINES - 1], shorten(" ".join(lines[TITLE_LINES - 1 :]), letters)]
    return "\n".join(lines)
