"""Text: numbers, times, sizes, lists and errors in words that people read."""

from __future__ import annotations

import math
import re
import sysconfig
import traceback
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path

# A longer list is cut to this many names and the count of the others.
MAX_NAMED = 3
# An error's text is cut to this length. Some errors list all the numbers that they don't like.
MAX_ERROR_LETTERS = 1000
# Folders whose files a user hasn't written: libraries, and the packages of this program.
LIBRARY_FOLDERS = frozenset(("site-packages", "dist-packages"))
OWN_FOLDERS = tuple(str(Path(__file__).absolute().parents[1] / one) for one in ("bench", "loaders", "model"))
# Budgets are written in seconds up to so many.
LARGEST_IN_SECONDS = 110.0
ADDRESS = re.compile(r" at 0x[0-9a-fA-F]+")


def format_count(number: int, noun: str) -> str:
    """Return a number of things, such as `1 block`, `3 blocks` or `3 batches`."""
    ending = "es" if noun.endswith(("tch", "sh", "s", "x")) else "s"
    return f"{number:,} {noun}{'' if number == 1 else ending}"


def abbreviate(number: float) -> str:
    """Return a number in three digits and a unit, such as `1.23M`, `45.6k`, `789` or `4.5`."""
    for least, scale, unit in ((999.5e3, 1e6, "M"), (999.5, 1e3, "k")):
        if number >= least:
            scaled = number / scale
            return f"{scaled:.{0 if scaled >= 99.95 else 1 if scaled >= 9.995 else 2}f}{unit}"
    return format_rate(number)


def format_rate(number: float) -> str:
    """Return a number in whole, or in three digits where it is small, such as `12,345`, `45.6` or `0.789`."""
    return f"{number:,.0f}" if number >= 99.95 else f"{number:.3g}"


def format_ratio(ratio: float) -> str:
    """Return a ratio in three digits, such as `1.62`, or as a whole number, such as `2,400`."""
    return f"{ratio:,.0f}" if ratio >= 99.95 else f"{ratio:.3g}"


def join_few(names: Iterable[str]) -> str:
    """Return the first names in a row, and how many more there are, such as `a, b, c and 4 more`."""
    listed = list(names)
    more = len(listed) - MAX_NAMED
    return join_words([*listed[:MAX_NAMED], f"{more:,} more"] if more > 0 else listed)


def join_words(names: Sequence[str]) -> str:
    """Return names in a row, such as `a, b and c`."""
    *firsts, last = names
    return f"{', '.join(firsts)} and {last}" if firsts else last


def suggest(
    word: str, known: Iterable[str], *, shown: Mapping[str, str] | None = None, likeness: float = 0.6
) -> str:
    """Return the known name that is nearest to a word, such as `; did you mean tensor_slice?`.

    Args:
        word: the word that is no name.
        known: the names.
        shown: text that is shown for some of them; default the names.
        likeness: share of letters that the nearest has in common with the word at least; default 0.6.

    Returns:
        The end of an error's line; empty where no name is near.
    """
    near = get_close_matches(word, list(known), n=1, cutoff=likeness)
    return f"; did you mean {(shown or {}).get(near[0], near[0])}?" if near else ""


def format_bytes(number: int) -> str:
    """Return a number of bytes in three digits and a unit, such as `1.5 MiB`."""
    amount = float(number)
    for unit in ("bytes", "KiB", "MiB", "GiB"):
        if amount < 1000 or unit == "GiB":
            break
        amount /= 1024
    return f"{amount:.3g} {unit}" if amount < 1000 else f"{amount:,.0f} {unit}"


def format_duration(seconds: float) -> str:
    """Return a time in one or two units, such as `45 s`, `1 min 20 s` or `2 h 5 min`."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600} h {whole % 3600 // 60} min"


def format_budget(seconds: float) -> str:
    """Return a budget as a command takes it, such as `90s` or `4m`. It is rounded up."""
    if seconds <= LARGEST_IN_SECONDS:
        return f"{max(1, math.ceil(seconds / 10)) * 10}s"
    return f"{math.ceil(seconds / 60)}m"


def format_share(share: float) -> str:
    """Return a share in percent, such as `68%`; `<1%` for a little."""
    if math.isnan(share):
        return "?"
    rounded = f"{share:.0%}"
    return "<1%" if share > 0 and rounded == "0%" else rounded


def format_limit(share: float) -> str:
    """Return a share in percent that another one doesn't exceed, rounded up, such as `1.2%` for 0.0111."""
    # Floating-point errors of the product are no reason for another tenth.
    return f"{math.ceil(round(1000 * share, 6)) / 10:g}%"


@dataclass(frozen=True)
class TimeUnit:
    """A unit of time that suits some durations.

    Attributes:
        name: `µs`, `ms` or `s`.
        seconds: length of the unit in seconds.
    """

    name: str
    seconds: float

    def format(self, duration_s: float) -> str:
        """Return a duration in this unit, without its name, in three digits."""
        amount = duration_s / self.seconds
        if math.isnan(amount):
            return "?"
        if 0 < abs(amount) < 0.005:
            return "<0.01" if amount > 0 else "-0.00"
        # Differences of two times may lie below 0.
        sign = "-" if amount < 0 else ""
        # Three digits at most: hundredths of small durations, tenths of others.
        size = abs(amount)
        return f"{sign}{format_rate(size)}" if size >= 10 else f"{sign}{round(size, 2):g}"

    def format_reach(self, duration_s: float) -> str:
        """Return half the length of an interval in this unit, in two digits."""
        amount = duration_s / self.seconds
        return f"{amount:,.0f}" if amount >= 9.95 else f"{max(round(amount, 1 + (amount < 0.95)), 0.01):g}"


UNITS = (TimeUnit("µs", 1e-6), TimeUnit("ms", 1e-3), TimeUnit("s", 1.0))


def choose_unit(durations_s: Iterable[float]) -> TimeUnit:
    """Return the unit in which the longest of some durations is below 1,000."""
    longest = max((abs(duration) for duration in durations_s if math.isfinite(duration)), default=0.0)
    return next((unit for unit in UNITS if longest < 999.5 * unit.seconds), UNITS[-1])


def format_time(duration_s: float) -> str:
    """Return a duration with its unit, such as `12.3 ms`."""
    if math.isinf(duration_s):
        return "infinitely long"
    unit = choose_unit([duration_s])
    return f"{unit.format(duration_s)} {unit.name}"


def printable(text: str) -> str:
    """Return a text in one line without control characters, which a terminal would obey."""
    return "".join(c for c in " ".join(text.split()) if c.isprintable())


def capitalise(text: str) -> str:
    """Return a text with a capital first letter. The others stay as they are, as in `GPU`."""
    return f"{text[:1].upper()}{text[1:]}"


def remove_addresses(text: str) -> str:
    """Return a text without the addresses of objects, which differ from run to run, such as ` at 0x7f3a`."""
    return ADDRESS.sub("", text)


def describe_error(error: BaseException) -> str:
    """Return an exception in one line: its type, its text and the place that raised it.

    Where a library raised it, the innermost place that called the library is named, too.
    """
    lines = [line for line in str(error).splitlines() if line.strip()] or [""]
    # A worker's exception arrives as text with the worker's traceback, whose last line has the cause.
    text = remove_addresses(lines[0] if len(lines) == 1 else f"{lines[0]} {lines[-1]}")
    cut = "…" * (len(text) > MAX_ERROR_LETTERS)
    return f"{type(error).__name__}: {text[:MAX_ERROR_LETTERS]}{cut}{_find_place(error)}"


def _find_place(error: BaseException) -> str:
    """Return the innermost place of a traceback, such as ` (file.py:12 in function)`, or ""."""
    full = "".join(traceback.format_exception(error))
    # A worker's traceback comes last: what the training process did meanwhile has no part in the error.
    last = full.rpartition("Traceback (most recent")[2]
    place = re.compile(r'File "([^"]*)", line (\d+), in (\S+)')
    places = place.findall(last) or place.findall(full)
    if not places:
        return ""
    named = [f"{Path(file).name}:{line} in {function}" for file, line, function in places]
    callers = [name for name, (file, *_) in zip(named, places, strict=True) if not _is_library(file)]
    is_library = _is_library(places[-1][0])
    return f" ({named[-1]}, from {callers[-1]})" if is_library and callers else f" ({named[-1]})"


def _is_library(file: str) -> bool:
    """Return True if a file of a traceback belongs to a library, to Python or to this program."""
    folders = (*map(sysconfig.get_path, ("stdlib", "platstdlib")), *OWN_FOLDERS)
    path = Path(file)
    is_known = bool(LIBRARY_FOLDERS & set(path.parts)) or any(path.is_relative_to(one) for one in folders)
    return is_known or file.startswith("<")
