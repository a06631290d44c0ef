"""Charts of a sweep, from its `runs.csv` alone. Needs no torch."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, NullLocator

from bench.analysis.naming import find_varied, make_labels
from bench.analysis.summary import summarise
from bench.analysis.throughputs import in_phase, select_counted
from bench.records.results_folder import read_ceilings, read_device, read_runs, write_atomically

# Parts of an epoch in the order they happen, with what is drawn for each.
PARTS = {
    "start-up and first batch": "time_to_first_batch_s",
    "waiting for data": "later_wait_s",
    "transfer": "transfer_s",
    "train step": "step_s",
    "teardown": "teardown_s",
}
# What a GPU does in an epoch; these run beside each other.
ON_DEVICE = {
    "loader's kernels": "device_data_s",
    "copies": "device_transfer_s",
    "steps": "device_step_s",
}
ROW_INCHES = 0.34


def draw_charts(folder: Path) -> list[Path]:
    """Draw every chart that the rows of `folder` allow, into `folder`; the paths of what was drawn."""
    runs = read_runs(folder)
    if runs.empty:
        return []
    summary = summarise(runs, read_ceilings(folder), read_device(folder))
    summary["label"] = make_labels(summary)
    # What failed is in the table, with its reason, but has no place among the others.
    summary = summary[summary["rank"].notna()]
    if summary.empty:
        return []
    charts = {"ranking": ranking(summary), "where_time_goes": where_time_goes(summary, runs)}
    if summary.get("num_workers", pd.Series("")).replace("", None).notna().any():
        charts["throughput_by_workers"] = throughput_by_workers(summary)
    on_device = summary[summary[list(ON_DEVICE.values())].notna().any(axis=1)]
    if not on_device.empty:
        charts["time_on_device"] = time_on_device(on_device)
    paths = []
    for name, figure in charts.items():
        path = folder / f"{name}.png"
        picture = io.BytesIO()
        figure.savefig(picture, dpi=150, bbox_inches="tight", format="png")
        write_atomically(path, picture.getvalue())
        paths.append(path)
    return paths


def ranking(summary: pd.DataFrame) -> Figure:
    """All configurations by throughput: the median of the blocks and its 95% interval."""
    summary = summary.sort_values("samples_per_s", ascending=False)
    figure, axes = _rows(summary)
    colors = dict(zip(summary["family"].unique(), sns.color_palette(), strict=False))
    for place, (_, line) in enumerate(summary.iterrows()):
        color = colors[line["family"]]
        axes.plot([line["samples_per_s_low"], line["samples_per_s_high"]], [place, place], color=color, lw=2)
        axes.plot(line["samples_per_s"], place, "o", color=color, ms=7)
        axes.annotate(
            f"{line['samples_per_s']:,.0f}" + (f"   ×{line['ratio']:.3g}" if pd.notna(line["ratio"]) else ""),
            (1.01, place),
            xycoords=("axes fraction", "data"),
            va="center",
        )
    baselines = summary[summary["configuration"] == summary["baseline"]]
    for value in baselines["samples_per_s"]:
        axes.axvline(value, color="0.5", ls=":", lw=1.2, zorder=0)
    for family, color in colors.items():
        axes.plot([], [], "o-", color=color, label=family)
    axes.plot([], [], ":", color="0.5", label="baseline")
    _throughput_scale(axes, summary["samples_per_s"])
    axes.set_xlabel(
        "samples/s (median of the blocks and 95% interval); ×: ratio to the baseline, block by block"
    )
    axes.legend(
        loc="upper center", bbox_to_anchor=(0.5, -0.75 / figure.get_figheight()), ncol=4, frameon=False
    )
    axes.set_title(_title("Throughput", summary), loc="left")
    return figure


def where_time_goes(summary: pd.DataFrame, runs: pd.DataFrame) -> Figure:
    """The parts of an epoch of each configuration, as shares of it, with its length beside."""
    runs = runs.assign(later_wait_s=runs["data_wait_s"] - (runs["time_to_first_batch_s"] - runs["startup_s"]))
    phase = summary["phase"].iloc[0]
    counted = select_counted(runs, phase)
    timed = counted[in_phase(counted, phase)]
    # Means, since the means of the parts add up to the mean of the whole; medians don't.
    means = timed.groupby("configuration")[["wall_s", *PARTS.values()]].mean()
    summary = summary.sort_values("samples_per_s", ascending=False)
    parts = means.loc[summary["configuration"]]
    figure, axes = _rows(summary)
    left = pd.Series(0.0, index=parts.index)
    places = range(len(parts))
    for (name, column), color in zip(PARTS.items(), sns.color_palette("colorblind"), strict=False):
        if not parts[column].any():
            continue
        share = parts[column] / parts["wall_s"]
        axes.barh(places, share, left=left, color=color, label=name, height=0.7)
        left += share
    for place, seconds in zip(places, parts["wall_s"], strict=True):
        axes.annotate(f"{seconds:.3g} s", (1.01, place), xycoords=("axes fraction", "data"), va="center")
    axes.set_xlim(0, 1)
    axes.xaxis.set_major_formatter(FuncFormatter(lambda share, _: f"{share:.0%}"))
    axes.set_xlabel(
        f"share of a {summary['phase'].iloc[0]} epoch (what is left: harness and audit); "
        "on the right its mean length"
    )
    axes.legend(
        loc="upper center", bbox_to_anchor=(0.5, -0.75 / figure.get_figheight()), ncol=3, frameon=False
    )
    axes.set_title(_title("Where the time of an epoch goes", summary), loc="left")
    return figure


def time_on_device(summary: pd.DataFrame) -> Figure:
    """What the GPU took for its parts of an epoch, by events: beside each other, as they are done."""
    summary = summary.sort_values("samples_per_s", ascending=False)
    figure, axes = _rows(summary)
    height = 0.8 / len(ON_DEVICE)
    for number, (name, column) in enumerate(ON_DEVICE.items()):
        places = [place + (number - 1) * height for place in range(len(summary))]
        milliseconds = summary[column].to_numpy() * 1e3
        color = sns.color_palette("colorblind")[number]
        axes.barh(places, np.nan_to_num(milliseconds), color=color, label=name, height=height)
    axes.set_xlabel("ms of the GPU in an epoch; copies shorter than steps can hide behind them")
    axes.legend(
        loc="upper center", bbox_to_anchor=(0.5, -0.75 / figure.get_figheight()), ncol=3, frameon=False
    )
    datasets = ", ".join(sorted(summary["dataset"].unique()))
    axes.set_title(f"Time on the GPU ({datasets}, one epoch each, by CUDA events)", loc="left")
    return figure


def throughput_by_workers(summary: pd.DataFrame) -> Figure:
    """Throughput against the number of workers, one line a batch size, one panel for what varies besides."""
    summary = summary[summary["num_workers"] != ""].copy()
    summary["num_workers"] = summary["num_workers"].astype(int)
    others = [name for name in find_varied(summary) if name not in ("num_workers", "batch_size")]
    summary["panel"] = make_labels(summary, others)
    panels = list(summary.groupby("panel", sort=False))
    # A panel with a single number of workers shows nothing that the ranking doesn't, beside one with more.
    panels = [p for p in panels if p[1]["num_workers"].nunique() > 1] or panels
    sizes = sorted(summary["batch_size"].unique(), key=int)
    colors = dict(zip(sizes, sns.color_palette("viridis", len(sizes)), strict=True))
    figure = Figure(figsize=(1 + 4.2 * len(panels), 4.2), layout="constrained")
    for place, (name, panel) in enumerate(panels, start=1):
        axes = figure.add_subplot(1, len(panels), place)
        for place_in_panel, size in enumerate(sizes):
            lines = panel[panel["batch_size"] == size]
            if lines.empty:
                continue
            lines = lines.sort_values("num_workers")
            middle = lines["samples_per_s"]
            # A little to the side of each other, or one interval hides the next.
            workers = lines["num_workers"] + 0.04 * (place_in_panel - (len(sizes) - 1) / 2)
            reach = [middle - lines["samples_per_s_low"], lines["samples_per_s_high"] - middle]
            axes.errorbar(
                workers.to_numpy(), middle.to_numpy(), yerr=np.nan_to_num(reach), color=colors[size],
                marker="o", capsize=3, label=f"batch {size}",
            )  # fmt: skip
        axes.set_xticks(sorted(summary["num_workers"].unique()))
        axes.set_xlabel("num_workers")
        axes.set_ylim(0, None)
        axes.yaxis.set_major_formatter(FuncFormatter(_thousands))
        axes.set_title(f"{name}", fontsize=10)
        axes.legend(frameon=False, fontsize=9)
        sns.despine(ax=axes)
        if place == 1:
            axes.set_ylabel("samples/s")
    figure.suptitle(_title("Throughput by workers", summary), x=0.01, ha="left")
    return figure


def _rows(summary: pd.DataFrame) -> tuple[Figure, Axes]:
    """A figure with one horizontal line a configuration, the first on top."""
    figure = Figure(figsize=(9, 1.6 + ROW_INCHES * len(summary)))
    axes = figure.add_subplot()
    axes.set_yticks(range(len(summary)), summary["label"].tolist())
    axes.set_ylim(len(summary) - 0.4, -0.6)
    sns.despine(ax=axes)
    return figure, axes


def _throughput_scale(axes: Axes, values: pd.Series[float]) -> None:
    # Past a factor of ten a linear axis shows only the fastest.
    if values.max() > 10 * values.min():
        axes.set_xscale("log")
        axes.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        axes.xaxis.set_minor_locator(NullLocator())
    else:
        axes.set_xlim(0, None)
    axes.xaxis.set_major_formatter(FuncFormatter(_thousands))


def _thousands(value: float, _: int | None) -> str:
    return f"{value / 1e6:g}M" if value >= 1e6 else f"{value / 1e3:g}k"


def _title(text: str, summary: pd.DataFrame) -> str:
    parts = [", ".join(sorted(summary[name].unique())) for name in ("dataset", "device")]
    fewest, most = int(summary["blocks"].min()), int(summary["blocks"].max())
    blocks = f"{fewest} to {most} blocks" if fewest < most else f"{most} block{'s' * (most > 1)}"
    return f"{text} ({', '.join(parts)}, {summary['phase'].iloc[0]} epochs, {blocks})"
