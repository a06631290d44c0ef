"""What options may be given, beyond the knobs: callbacks of click's that read it, or say what is allowed."""

from __future__ import annotations

import math

import click

from loaders.spec.knobs import Integer


def url(_context: click.Context, _option: click.Parameter, text: str | None) -> str | None:
    """A URL."""
    if text is not None and not text.startswith(("http://", "https://")):
        raise click.UsageError(f"--mirror: {text!r} is not a URL that starts with http:// or https://")
    return text


def positive(_context: click.Context, option: click.Parameter, text: str | None) -> float | None:
    """A number above 0 (click's own range takes nan for one)."""
    if text is None:
        return None
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not 0 < number < math.inf:
        raise click.UsageError(f"{option.opts[0]}: {text!r} is not a finite number above 0")
    return number


def percent(_context: click.Context, option: click.Parameter, text: str | None) -> float | None:
    """A share from a percentage, as in `3%`."""
    if text is None:
        return None
    try:
        number = float(text.removesuffix("%"))
    except ValueError:
        number = math.nan
    # A bare 0.03 could be meant as either.
    if not text.endswith("%") or not 0 < number < 100:
        raise click.UsageError(
            f"{option.opts[0]}: {text!r} is not a percentage above 0% and below 100%, as 3%"
        )
    return number / 100


def duration(_context: click.Context, option: click.Parameter, text: str | None) -> float | None:
    """A time in seconds: `90`, `90s`, `1.5m` or `1h`."""
    if text is None:
        return None
    unit = {"s": 1, "m": 60, "h": 3600}.get(text[-1:])
    try:
        seconds = float(text[:-1] if unit else text) * (unit or 1)
    except ValueError:
        seconds = math.nan
    if not 0 < seconds < math.inf:
        raise click.UsageError(f"{option.opts[0]}: {text!r} is not a time above 0, as 90s, 5m or 1h")
    return seconds


def size(_context: click.Context, option: click.Parameter, text: str | None) -> int | None:
    """A size in bytes: `4G`, `1.5GiB`, `512M`; units of 1,024."""
    if text is None:
        return None
    number = text.upper().removesuffix("B").removesuffix("I")
    unit = {"K": 2**10, "M": 2**20, "G": 2**30, "T": 2**40}.get(number[-1:])
    try:
        size = float(number[:-1] if unit else number) * (unit or 1)
    except ValueError:
        size = math.nan
    if not 1 <= size < math.inf:
        raise click.UsageError(f"{option.opts[0]}: {text!r} is not a size above 0, as 4G or 512M")
    return int(size)


def pairs(_context: click.Context, option: click.Parameter, text: str | None) -> int | None:
    """A whole number of pairs."""
    if text is None:
        return None
    try:
        return Integer(1, 10_000).parse(text)
    except ValueError:
        raise click.UsageError(
            f"{option.opts[0]}: {text!r} is not a whole number of pairs from 1 to 10000"
        ) from None


def name(_context: click.Context, _option: click.Parameter, text: str) -> str:
    """What may stand at the end of a folder's name."""
    if not 0 < len(text) <= 100 or not all(c.isalnum() or c in "-_." for c in text) or text[0] == ".":
        raise click.UsageError(f"--name: {text!r} is not 1 to 100 letters, digits, -, _ or . (not first)")
    return text
