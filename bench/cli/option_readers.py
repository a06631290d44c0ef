"""Readers: click callbacks that turn an option's text into its value, or say which values are allowed."""

from __future__ import annotations

import ast
import math
from collections.abc import Callable, Iterable
from typing import Any, TypeVar

import click

from bench.text import suggest
from loaders.spec.knobs import Integer

T = TypeVar("T")
SECONDS = {"s": 1, "m": 60, "h": 3600}
BYTES = {"K": 2**10, "M": 2**20, "G": 2**30, "T": 2**40}
LONGEST_NAME = 100
TRUTHS = {"true": True, "false": False}


def make_list_reader(
    parse: Callable[[str], T], allowed: str, words: Iterable[str] = ()
) -> Callable[..., tuple[T, ...] | None]:
    """Make the callback of an option that takes values separated by commas. A value given twice counts once.

    Args:
        parse: returns one value from its text, and raises ValueError for a text that isn't allowed.
        allowed: the allowed values in words.
        words: those that are words, of which an error names the nearest; default none.
    """
    known = tuple(words)

    def read_list(_context: click.Context, option: click.Parameter, text: str | None) -> tuple[T, ...] | None:
        if text is None:
            return None
        found: dict[T, None] = {}
        for part in (part.strip() for part in text.split(",")):
            try:
                found[parse(part)] = None
            except ValueError:
                raise click.UsageError(
                    f"{option.opts[0]}: {part!r} is not {allowed} (several are separated by commas)"
                    f"{suggest(part.lower(), known)}"
                ) from None
        return tuple(found)

    return read_list


def make_reader(numbers: Integer) -> Callable[..., int | None]:
    """Make the callback of an option that takes one whole number.

    Args:
        numbers: allowed numbers.
    """

    def read_integer(_context: click.Context, option: click.Parameter, text: str | None) -> int | None:
        if text is None:
            return None
        try:
            return numbers.parse(text)
        except ValueError:
            raise click.UsageError(f"{option.opts[0]}: {text!r} is not {numbers.allowed}") from None

    return read_integer


def read_params(
    _context: click.Context, option: click.Parameter, texts: tuple[str, ...]
) -> dict[str, tuple[Any, ...]]:
    """Return the values of each parameter that texts such as `size=128,224` name.

    A value is a literal of Python, such as `224`, `0.5`, `True` or `None`, or else a text. `true` and `false`
    are truth values too: the text `false` would count as true in the function.
    """
    found: dict[str, tuple[Any, ...]] = {}
    for text in texts:
        name, equals, values = text.partition("=")
        if not equals or not name.isidentifier() or not values:
            raise click.UsageError(f"{option.opts[0]}: {text!r} is not a name with values, as size=128,224")
        read = [parse_literal(value.strip()) for value in values.split(",")]
        # 1 and True are equal, and two values all the same.
        found[name] = tuple({(type(value), value): value for value in read}.values())
    return found


def parse_literal(text: str) -> Any:
    """Return the value of a parameter that a text stands for."""
    if text in TRUTHS:
        return TRUTHS[text]
    try:
        value = ast.literal_eval(text)
    except (ValueError, SyntaxError):
        return text
    return value if isinstance(value, int | float | bool | str | None) else text


def read_url(_context: click.Context, option: click.Parameter, text: str | None) -> str | None:
    """Return a URL."""
    if text is not None and not text.startswith(("http://", "https://")):
        raise click.UsageError(
            f"{option.opts[0]}: {text!r} is not a URL that starts with http:// or https://"
        )
    return text


def read_positive(_context: click.Context, option: click.Parameter, text: str | None) -> float | None:
    """Return a finite number above 0."""
    if text is None:
        return None
    # click's own range takes nan for a number in it.
    number = _parse_float(text)
    if not 0 < number < math.inf:
        raise click.UsageError(f"{option.opts[0]}: {text!r} is not a finite number above 0")
    return number


def read_percent(_context: click.Context, option: click.Parameter, text: str | None) -> float | None:
    """Return the share that a percentage such as `3%` means: 0.03."""
    if text is None:
        return None
    number = _parse_float(text.removesuffix("%"))
    # A bare 0.03 could mean 3% or 0.03%.
    if not text.endswith("%") or not 0 < number < 100:
        raise click.UsageError(
            f"{option.opts[0]}: {text!r} is not a percentage above 0% and below 100%, as 3%"
        )
    return number / 100


def read_duration(_context: click.Context, option: click.Parameter, text: str | None) -> float | None:
    """Return the seconds of a time such as `90`, `90s`, `1.5m` or `1h`."""
    if text is None:
        return None
    unit = SECONDS.get(text[-1:])
    seconds = _parse_float(text[:-1] if unit else text) * (unit or 1)
    if not 0 < seconds < math.inf:
        raise click.UsageError(f"{option.opts[0]}: {text!r} is not a time above 0, as 90s, 5m or 1h")
    return seconds


def read_size(_context: click.Context, option: click.Parameter, text: str | None) -> int | None:
    """Return the bytes of a size such as `4G`, `1.5GiB` or `512M`, in units of 1,024."""
    if text is None:
        return None
    number = text.upper().removesuffix("B").removesuffix("I")
    unit = BYTES.get(number[-1:])
    size = _parse_float(number[:-1] if unit else number) * (unit or 1)
    if not 1 <= size < math.inf:
        raise click.UsageError(f"{option.opts[0]}: {text!r} is not a size above 0, as 4G or 512M")
    return int(size)


def read_name(_context: click.Context, option: click.Parameter, text: str) -> str:
    """Return a text that may stand at the end of a folder's name."""
    allowed = all(c.isalnum() or c in "-_." for c in text)
    if not 0 < len(text) <= LONGEST_NAME or not allowed or text[0] == ".":
        raise click.UsageError(
            f"{option.opts[0]}: {text!r} is not 1 to {LONGEST_NAME} letters, digits, -, _ or . (not first)"
        )
    return text


def _parse_float(text: str) -> float:
    """Return the number that a text stands for; nan where it stands for none."""
    try:
        return float(text)
    except ValueError:
        return math.nan
