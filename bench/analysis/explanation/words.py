"""Words: counts as sentences of an explanation hold them."""

from __future__ import annotations

from bench.text import format_count


def format_workers(num_workers: int) -> str:
    """Return a number of workers, such as `no workers` or `1 worker`."""
    return format_count(num_workers, "worker") if num_workers else "no workers"


def format_cores(cores: float) -> str:
    """Return a number of cores, such as `1 core` or `1.5 cores`."""
    return f"{cores:g} core{'' if cores == 1 else 's'}"
