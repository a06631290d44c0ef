"""Text in charts: plain, and short enough for its place."""

from __future__ import annotations

import textwrap

from matplotlib.axes import Axes

from bench.text import printable

# A label beside a row has at most this many lines of this many letters.
LABEL_LETTERS, LABEL_LINES = 34, 3
# A transform's name in a legend, and a workload's in a title.
NAME_LETTERS = 40


def make_plain(text: str, letters: int = NAME_LETTERS) -> str:
    """Return a text that matplotlib draws as it is, without formulas, cut with `…` where it is longer."""
    text = printable(text)
    cut = text if len(text) <= letters else f"{text[: letters - 1]}…"
    return cut.replace("$", r"\$")


def wrap_label(text: str) -> str:
    """Return a label in a few short lines."""
    lines = textwrap.wrap(printable(text), LABEL_LETTERS)
    if len(lines) > LABEL_LINES:
        lines = [*lines[: LABEL_LINES - 1], f"{lines[LABEL_LINES - 1][: LABEL_LETTERS - 1]}…"]
    return "\n".join(lines).replace("$", r"\$")


def mark_axis(axes: Axes, place: float, text: str) -> None:
    """Draw a dotted vertical line with a text at its top."""
    axes.axvline(place, color="0.5", ls=":", lw=1.2, zorder=0)
    axes.annotate(
        text, (place, 1), xycoords=("data", "axes fraction"), xytext=(3, 2), textcoords="offset points",
        color="0.35", fontsize=9, va="bottom",
    )  # fmt: skip
