"""Text: words, numbers and sizes as people read them."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path

if sys.platform != "win32":
    pass
import sys
import traceback

# Of a list, those that are named; the rest is counted.
MAX_NAMED = 3


def format_count(number: int, noun: str) -> str:
    """A number of things, as in `1 block` or `3 blocks`."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def abbreviate(number: float) -> str:
    """Three digits and a unit, as in 1.23M, 45.6k or 789."""
    for least, scale, unit in ((999.5e3, 1e6, "M"), (999.5, 1e3, "k")):
        if number >= least:
            scaled = number / scale
            return f"{scaled:.{0 if scaled >= 99.95 else 1 if scaled >= 9.995 else 2}f}{unit}"
    return f"{number:.0f}"


def join_few(items: Iterable[str]) -> str:
    """The first of them by name, and how many more there are."""
    named = list(items)
    more = len(named) - MAX_NAMED
    return join_words([*named[:MAX_NAMED], f"{more:,} more"] if more > 0 else named)


def join_words(names: Sequence[str]) -> str:
    """Names in a row, as in `a, b and c`."""
    *firsts, last = names
    return f"{', '.join(firsts)} and {last}" if firsts else last


def format_bytes(number: int) -> str:
    """A number of bytes, in a unit that suits it."""
    amount = float(number)
    for unit in ("bytes", "KiB", "MiB", "GiB"):
        if amount < 1000 or unit == "GiB":
            break
        amount /= 1024
    return f"{amount:.3g} {unit}" if amount < 1000 else f"{amount:,.0f} {unit}"


# Of what an exception says, in letters: some say all the numbers that they don't like.
MAX_ERROR_LETTERS = 1000


def describe_error(error: BaseException) -> str:
    """An exception in one line: its type, what it says, and the place it came from."""
    full = "".join(traceback.format_exception(error))
    lines = [line for line in str(error).splitlines() if line.strip()] or [""]
    # What a worker raised arrives as text, with its own traceback inside: its last line says what happened.
    says = lines[0] if len(lines) == 1 else f"{lines[0]} {lines[-1]}"
    places = re.findall(r'File "([^"]*)", line (\d+), in (\S+)', full)
    place = f" ({Path(places[-1][0]).name}:{places[-1][1]} in {places[-1][2]})" if places else ""
    return f"{type(error).__name__}: {says[:MAX_ERROR_LETTERS]}{'…' * (len(says) > MAX_ERROR_LETTERS)}{place}"


def format_duration(seconds: float) -> str:
    """For example `45 s`, `1 min 20 s`, `2 h 5 min`: two units at most, for people."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600} h {whole % 3600 // 60} min"


def printable(text: str) -> str:
    """One line of it without control characters: nothing that a terminal obeys."""
    return "".join(c for c in " ".join(text.split()) if c.isprintable())
