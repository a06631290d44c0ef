"""The chart of the ranking: throughput of each configuration."""

from __future__ import annotations

import pandas as pd
import seaborn as sns
from matplotlib.figure import Figure

from bench.report.charts.layout import add_legend, annotate_row, make_rows, make_title, scale_throughput


def draw_ranking(summary: pd.DataFrame) -> Figure:
    """Draw the throughput of each configuration: the median of the blocks and its 95% interval."""
    summary = summary.sort_values("samples_per_s", ascending=False)
    figure, axes = make_rows(summary)
    families = summary["family"].unique()
    colors = dict(zip(families, sns.color_palette("colorblind", len(families)), strict=True))
    for place, (_, line) in enumerate(summary.iterrows()):
        color = colors[line["family"]]
        axes.plot([line["samples_per_s_low"], line["samples_per_s_high"]], [place, place], color=color, lw=2)
        axes.plot(line["samples_per_s"], place, "o", color=color, ms=7)
        ratio = f"   ×{line['ratio']:.3g}" if pd.notna(line["ratio"]) else ""
        annotate_row(axes, place, f"{line['samples_per_s']:,.0f}{ratio}")
    baselines = summary[summary["configuration"] == summary["baseline"]]
    for value in baselines["samples_per_s"]:
        axes.axvline(value, color="0.5", ls=":", lw=1.2, zorder=0)
    for family, color in colors.items():
        axes.plot([], [], "o-", color=color, label=family)
    axes.plot([], [], ":", color="0.5", label="baseline")
    scale_throughput(axes, summary["samples_per_s"])
    axes.set_xlabel("samples/s (median of the blocks and 95% interval); ×: median ratio to the baseline")
    add_legend(figure, axes, columns=4)
    axes.set_title(make_title("Throughput", summary), loc="left")
    return figure
