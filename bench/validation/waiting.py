"""Waiting: return at a planned instant, or after a planned amount of computing."""

from __future__ import annotations

import time

# time.sleep returns 0.1 ms late, and up to this much where others want the core. The rest of a wait is spun.
SPIN_NS = 3_000_000


def wait_until(start_ns: int, seconds: float, *, busy: bool = False) -> None:
    """Return a planned time after a start, to some microseconds.

    Args:
        start_ns: reading of `time.perf_counter_ns()`.
        seconds: time from there.
        busy: compute all the time instead of sleeping.
    """
    deadline = start_ns + round(seconds * 1e9)
    if not busy and (left := deadline - time.perf_counter_ns() - SPIN_NS) > 0:
        time.sleep(left * 1e-9)
    while time.perf_counter_ns() < deadline:
        pass


def compute(cpu_s: float) -> None:
    """Compute until this thread has used so many seconds of CPU time."""
    deadline = time.thread_time_ns() + round(cpu_s * 1e9)
    while time.thread_time_ns() < deadline:
        pass
