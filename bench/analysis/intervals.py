"""Intervals: an estimate as three cells of a summary, and read back from them."""

from __future__ import annotations

import math

import pandas as pd

from bench.analysis.statistics import Estimate


def to_cells(name: str, found: Estimate | None) -> dict[str, float]:
    """Return the median and the interval of an estimate as the cells `name`, `name_low` and `name_high`.

    An unknown is NaN.
    """
    values = (None, None, None) if found is None else (found.median, found.low, found.high)
    names = (name, f"{name}_low", f"{name}_high")
    return {cell: math.nan if value is None else value for cell, value in zip(names, values, strict=True)}


def from_cells(line: pd.Series, name: str) -> Estimate | None:
    """Return the estimate that a line of a summary holds under a name; None where it is unknown."""
    median, low, high = (float(line[cell]) for cell in (name, f"{name}_low", f"{name}_high"))
    if math.isnan(median):
        return None
    if math.isnan(low):
        return Estimate(median, None, None, int(line["blocks"]))
    return Estimate(median, low, high, int(line["blocks"]))
