"""Words for figures and names, as a sweep prints them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

# Of a list, those that are named; the rest is counted.
NAMED = 3


def counted(number: int, noun: str) -> str:
    """A number of things, as in `1 block` or `3 blocks`."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def short(number: float) -> str:
    """Three digits and a unit, as in 1.23M, 45.6k or 789."""
    for least, scale, unit in ((999.5e3, 1e6, "M"), (999.5, 1e3, "k")):
        if number >= least:
            scaled = number / scale
            return f"{scaled:.{0 if scaled >= 99.95 else 1 if scaled >= 9.995 else 2}f}{unit}"
    return f"{number:.0f}"


def few(items: Iterable[str]) -> str:
    """The first of them by name, and how many more there are."""
    named = list(items)
    more = len(named) - NAMED
    return listed([*named[:NAMED], f"{more:,} more"] if more > 0 else named)


def listed(names: Sequence[str]) -> str:
    """Names in a row, as in `a, b and c`."""
    *firsts, last = names
    return f"{', '.join(firsts)} and {last}" if firsts else last
