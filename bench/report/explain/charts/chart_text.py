"""Text in the charts of an explanation: plain, and short enough for its place."""

from __future__ import annotations

from bench.analysis.explanation.explanation import Explanation
from bench.report.charts.chart_words import shorten
from bench.report.explain.wording import describe_setup
from bench.text import format_count, printable

# The name of a transform in a legend has at most this many letters, that of a change beside its figures too.
NAME_LETTERS, CHANGE_LETTERS = 40, 66
# The name of a workload in a title. Its end stays, since folders stand before it.
WORKLOAD_LETTERS = 40


def make_plain(text: str) -> str:
    """Return a name in one line, cut with `…` where it is long."""
    text = printable(text)
    return text if len(text) <= NAME_LETTERS else f"{text[: NAME_LETTERS - 1]}…"


def shorten_change(text: str) -> str:
    """Return a change in one line that leaves room for its figures."""
    return shorten(text, CHANGE_LETTERS)


def describe_context(explanation: Explanation) -> str:
    """Return the workload, the configuration and the number of blocks in one line."""
    name = printable(explanation.setup.name)
    cut = name if len(name) <= WORKLOAD_LETTERS else f"…{name[1 - WORKLOAD_LETTERS :]}"
    blocks = format_count(explanation.samples_per_s.blocks, "block")
    return shorten(f"{cut}: {describe_setup(explanation.setup)}, {blocks}", 110)
