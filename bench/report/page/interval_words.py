"""Intervals in words, as they stand below a big figure."""

from __future__ import annotations

from collections.abc import Callable

from bench.analysis.statistics import Estimate
from bench.text import format_count


def describe_interval(found: Estimate, form: Callable[[float], str]) -> str:
    """Return the interval of a figure and the number of blocks behind it, in words.

    Args:
        found: the figure.
        form: formats one end of its interval.
    """
    blocks = format_count(found.blocks, "block")
    if found.low is None or found.high is None:
        return f"from {blocks}, so without an interval"
    return f"95% interval {form(found.low)}–{form(found.high)}, {blocks}"
