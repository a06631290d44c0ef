"""Words: times, shares and counts as sentences of an explanation hold them."""

from __future__ import annotations

from bench.text import format_rate


def format_time(seconds: float) -> str:
    """Return a time in three digits and a unit, such as `1.2 s`, `41 ms` or `12 µs`."""
    for least, unit in ((1.0, "s"), (1e-3, "ms")):
        if abs(seconds) >= 0.9995 * least:
            return f"{_round(seconds / least)} {unit}"
    return f"{_round(seconds * 1e6)} µs"


def format_share(share: float) -> str:
    """Return a share in percent, such as `38%`, or `under 1%`."""
    return "under 1%" if 0 < share < 0.005 else f"{share:.0%}"


def format_workers(num_workers: int) -> str:
    """Return a number of workers, such as `no workers` or `1 worker`."""
    if num_workers == 0:
        return "no workers"
    return f"{num_workers} worker{'' if num_workers == 1 else 's'}"


def _round(number: float) -> str:
    return format_rate(number) if abs(number) >= 9.995 or not number else f"{number:.2g}"
