"""Text in charts: plain, and short enough for its place."""

from __future__ import annotations

import textwrap

from matplotlib.axes import Axes

from bench.text import printable

# A label beside a row has at most this many lines of this many letters.
LABEL_LETTERS, LABEL_LINES = 34, 3
# The name of a transform in a legend, or of a workload in a title, has at most this many letters.
NAME_LETTERS = 40


def make_plain(text: str, letters: int = NAME_LETTERS) -> str:
    """Return a text that matplotlib draws as it is, without formulas, cut with `…` where it is longer."""
    text = printable(text)
    cut = text if len(text) <= letters else f"{text[: letters - 1]}…"
    return cut.replace("$", r"\$")


def make_title(text: str, workload: str) -> str:
    """Return a title that names the workload. The end of a long name stays, since folders stand before it."""
    name = printable(workload)
    cut = name if len(name) <= NAME_LETTERS else f"…{name[1 - NAME_LETTERS :]}"
    return f"{text} ({make_plain(cut)})"


def wrap_label(text: str) -> str:
    """Return a label in a few short lines."""
    lines = textwrap.wrap(printable(text), LABEL_LETTERS)
    if len(lines) > LABEL_LINES:
        lines = [*lines[: LABEL_LINES - 1], f"{lines[LABEL_LINES - 1][: LABEL_LETTERS - 1]}…"]
    return "\n".join(lines).replace("$", r"\$")


def mark_axis(axes: Axes, place: float, text: str, *, before: bool = False) -> None:
    """Draw a dotted vertical line with a text above it.

    Args:
        axes: axes to draw into.
        place: place on the x axis.
        text: the text.
        before: whether the text stands on the left of the line; default False.
    """
    axes.axvline(place, color="0.3", ls=":", lw=1.4, zorder=3)
    axes.annotate(
        text, (place, 1), xycoords=("data", "axes fraction"), xytext=(-3 if before else 3, 2),
        textcoords="offset points", ha="right" if before else "left",
        color="0.35", fontsize=9, va="bottom",
    )  # fmt: skip
