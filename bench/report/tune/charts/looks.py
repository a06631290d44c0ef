"""Looks of the candidates of a tuning in its charts: a colour and a marker for each end."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from matplotlib.axis import Axis, XAxis
from matplotlib.ticker import FuncFormatter

from bench.analysis.tuning.outcome import End
from bench.analysis.tuning.tuning import Tuning
from bench.report.charts.chart_words import shorten
from bench.report.charts.palette import BASELINE, BEST, INK, MUTED
from bench.report.charts.scale import is_wide, scale_axis
from bench.report.tune.words import ENDS as WORDS
from bench.report.tune.words import YOURS, describe_setup, find_fate, name_kept
from bench.text import format_ratio, printable

HOLLOW: dict[str, Any] = {"markerfacecolor": "none", "markeredgewidth": 1.6}
CHOSEN: dict[str, Any] = {"marker": "o", "color": BEST, "markersize": 8.5}
TIED: dict[str, Any] = {"marker": "o", "color": BEST, "markersize": 7.5, **HOLLOW}
PRESENT: dict[str, Any] = {"marker": "D", "color": BASELINE, "markersize": 6.5}
SLOWER: dict[str, Any] = {"marker": "v", "color": MUTED, "markersize": 6}
CAPPED: dict[str, Any] = {"marker": "v", "color": MUTED, "markersize": 6.5, **HOLLOW}
FAILED: dict[str, Any] = {"marker": "X", "color": INK, "markersize": 7}
NOW: dict[str, Any] = {"color": BASELINE, "ls": ":", "lw": 1.3}
CEILING: dict[str, Any] = {"color": INK, "ls": "--", "lw": 1.2}
NAMES = (
    (CHOSEN, "use this one"),
    (TIED, WORDS["tied"]),
    (PRESENT, YOURS),
    (SLOWER, "slower"),
    (CAPPED, "far slower"),
    (FAILED, "failed"),
)
ENDS: dict[End, dict[str, Any]] = {
    "tied": TIED,
    "slower": SLOWER,
    "screened": SLOWER,
    "unseen": SLOWER,
    "capped": CAPPED,
    "failed": FAILED,
}
OVER_PRESENT = "throughput over the present one"
# The name of a workload in a title. Its end stays, since folders stand before it.
WORKLOAD_LETTERS = 40


def choose_look(tuning: Tuning, number: int) -> dict[str, Any]:
    """Return the look of a candidate's mark."""
    if number == 0:
        return PRESENT
    return CHOSEN if number == tuning.outcome.chosen else ENDS[find_fate(tuning, number).end]


def list_looks(tuning: Tuning, numbers: list[int]) -> list[tuple[dict[str, Any], str]]:
    """Return the looks of some candidates, each with its meaning, in the order of a legend."""
    used = [choose_look(tuning, number) for number in numbers]
    names = ((look, name_kept(tuning) if look == TIED else name) for look, name in NAMES)
    return [(look, name) for look, name in names if look in used]


def scale_ratios(axis: Axis, ratios: Sequence[float]) -> None:
    """Scale an axis for ratios to the present configuration, by factors where they span more than ten.

    Args:
        axis: x or y axis.
        ratios: all values along it.
    """
    if is_wide(ratios):
        scale_axis(axis, ratios)
    else:
        margin = 0.05 * (max(ratios) - min(ratios))
        set_limits = axis.axes.set_xlim if isinstance(axis, XAxis) else axis.axes.set_ylim
        set_limits(min(ratios) - margin, max(ratios) + margin)
    axis.set_major_formatter(FuncFormatter(lambda ratio, _: f"×{format_ratio(ratio)}"))


def describe_context(tuning: Tuning) -> str:
    """Return what was tuned, in one line below a title."""
    name = printable(tuning.name)
    cut = name if len(name) <= WORKLOAD_LETTERS else f"…{name[1 - WORKLOAD_LETTERS :]}"
    return shorten(f"{cut}: {describe_setup(tuning)}", 110)
