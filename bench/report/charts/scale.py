"""Scales of throughputs: linear or logarithmic, with ticks in a unit that suits them."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from matplotlib.axis import Axis, XAxis
from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, NullLocator

# From this ratio of the largest to the smallest value on, a linear scale would show only the largest.
WIDE = 10.0
# From this number of decades on, ticks between the powers of ten would touch.
MANY_DECADES = 3


def is_wide(values: Iterable[float]) -> bool:
    """Return whether values span so much that they need a logarithmic scale."""
    listed = [value for value in values if value > 0]
    return bool(listed) and max(listed) > WIDE * min(listed)


def scale_axis(axis: Axis, values: Iterable[float]) -> None:
    """Scale an axis for throughputs or other amounts: logarithmic where they span more than a factor of ten.

    Args:
        axis: x or y axis.
        values: all values along it.
    """
    listed = [value for value in values if value > 0]
    set_scale, set_limits = (
        (axis.axes.set_xscale, axis.axes.set_xlim)
        if isinstance(axis, XAxis)
        else (axis.axes.set_yscale, axis.axes.set_ylim)
    )
    if not listed:
        return
    low, high = min(listed), max(listed)
    if is_wide(listed):
        set_scale("log")
        set_limits(low / 1.3, high * 1.3)
        axis.set_major_locator(LogLocator(subs=(1, 2, 5) if high < 10**MANY_DECADES * low else (1,)))
        axis.set_minor_locator(NullLocator())
        axis.set_major_formatter(FuncFormatter(lambda value, _: format_amount(value)))
    else:
        set_limits(0, high * 1.06)
        axis.set_major_locator(MaxNLocator(6, min_n_ticks=3))
        form = choose_format(high)
        axis.set_major_formatter(FuncFormatter(lambda value, _: form(value)))


def choose_format(most: float) -> Callable[[float], str]:
    """Return a function that makes the text of a tick, in the same unit for all ticks of an axis.

    Args:
        most: largest value of the axis.
    """
    for least, scale, unit in ((1e7, 1e6, "M"), (1e4, 1e3, "k")):
        if most >= least:
            return lambda value: f"{value / scale:,.6g}{unit}" if value else "0"
    return lambda value: f"{value:,.6g}"


def format_amount(value: float) -> str:
    """Return an amount in its own unit, such as `500`, `20k` or `1.5M`."""
    if value >= 1e6:
        return f"{value / 1e6:,.6g}M"
    return f"{value / 1e3:g}k" if value >= 1e3 else f"{value:.6g}"
