"""The heat map of throughput where two knobs vary."""

from __future__ import annotations

from itertools import combinations

import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.colors import LogNorm, Normalize

from bench.analysis.naming import find_varied, list_knobs
from bench.report.charts.chart import Chart
from bench.report.charts.chart_words import describe_context, describe_range, join_sentences
from bench.report.charts.palette import SURFACE, choose_ink
from bench.report.charts.panels import MOST_PANELS, Panel, describe_hidden, make_panel_chart, split_panels
from bench.report.charts.ranked_sweep import RankedSweep, list_numbers
from bench.report.charts.scale import is_wide
from bench.text import abbreviate

# Of two pairs with as many cells, the one whose knobs come first here is drawn.
KNOBS = ("batch_size", "num_workers", "prefetch_factor", "loader_threads", "prefetch_batches")
# Below this share of measured cells a map would be mostly blank.
LEAST_FILLED = 0.6
# More values of a knob have no room for their figures.
MOST_VALUES = 8


def make_heat_map(sweep: RankedSweep) -> Chart | None:
    """Make the map of throughput over two knobs; None where no two of them were varied together."""
    found = _choose_knobs(sweep)
    if found is None:
        return None
    (row, column), panels = found
    title = f"Throughput by {row} and {column}"
    rows = _order(pd.concat([panel.lines[row] for panel in panels]))
    chart = make_panel_chart(panels, title, describe_context(sweep), inches=0.9 + 0.3 * len(rows))
    shown = pd.concat([panel.lines for panel in panels[:MOST_PANELS]])
    low, high = shown["samples_per_s"].min(), shown["samples_per_s"].max()
    for axes, panel in chart.panels:
        _draw_panel(axes, panel, (row, column), (low, high))
    caption = "Median samples/s of the blocks; brighter is faster. A blank cell was not measured."
    caption = join_sentences(caption, describe_hidden(panels), describe_context(sweep))
    told = describe_range(panels[0].lines, (row, column), panels[0].name)
    return Chart("heat_map", title, told, caption, chart.figure, list_numbers(shown))


def _choose_knobs(sweep: RankedSweep) -> tuple[tuple[str, str], list[Panel]] | None:
    """Return the two knobs that were varied together most, and the panels that show them."""
    summary = sweep.summary
    knobs = [
        name for name in find_varied(summary) if name in list_knobs(summary) and summary[name].nunique() > 1
    ]
    knobs = sorted(knobs, key=lambda name: KNOBS.index(name) if name in KNOBS else len(KNOBS))
    best: tuple[tuple[str, str], list[Panel]] | None = None
    most = 0
    for pair in combinations(knobs, 2):
        panels = [panel for panel in split_panels(sweep, summary, pair) if _is_filled(panel.lines, pair)]
        cells = max((len(panel.lines) for panel in panels), default=0)
        if cells > most:
            most, best = cells, (pair, panels)
    return best


def _is_filled(lines: pd.DataFrame, pair: tuple[str, str]) -> bool:
    """Return whether most cells of a map were measured, each once, and both knobs were varied together.

    Two lines of cells that cross, one knob varied in each, have charts of their own.
    """
    counts = [lines[name].nunique() for name in pair]
    full = counts[0] * counts[1]
    return (
        min(counts) >= 2
        and max(counts) <= MOST_VALUES
        and not lines.duplicated(list(pair)).any()
        and len(lines) >= LEAST_FILLED * full
        and all((lines[name].value_counts() >= 2).sum() >= 2 for name in pair)
    )


def _draw_panel(axes: Axes, panel: Panel, pair: tuple[str, str], limits: tuple[float, float]) -> None:
    row, column = pair
    rows, columns = _order(panel.lines[row]), _order(panel.lines[column])
    table = panel.lines.pivot(index=row, columns=column, values="samples_per_s").loc[rows, columns]
    norm = (LogNorm if is_wide(limits) else Normalize)(*limits)
    sns.heatmap(
        table, ax=axes, cmap="viridis", norm=norm, cbar=False, linewidths=0.8, linecolor=SURFACE,
        xticklabels=True, yticklabels=True,
    )  # fmt: skip
    colors = sns.color_palette("viridis", as_cmap=True)
    for y, (_, line) in enumerate(table.iterrows()):
        for x, value in enumerate(line):
            if pd.notna(value):
                axes.text(
                    x + 0.5, y + 0.5, abbreviate(value), ha="center", va="center", fontsize=8,
                    color=choose_ink(colors(norm(value))),
                )  # fmt: skip
    axes.set_xlabel(column, fontsize=9)
    axes.set_ylabel(row, fontsize=9)
    axes.tick_params(length=0, rotation=0)


def _order(values: pd.Series[str]) -> list[str]:
    """Return the values of a knob in the order of their numbers, others first."""
    return sorted(
        set(values), key=lambda value: (value.isdigit(), int(value) if value.isdigit() else 0, value)
    )
