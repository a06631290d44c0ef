"""Waiting: return at a planned instant."""

from __future__ import annotations

import time

# time.sleep comes back too late, by 0.1 ms, and by up to this much where others want the core: what is left
# of a wait is spun.
SPIN_NS = 3_000_000


def wait_until(start_ns: int, seconds: float, *, busy: bool = False) -> None:
    """Return so many seconds after start_ns, to some microseconds; busy: without ever sleeping."""
    deadline = start_ns + round(seconds * 1e9)
    if not busy and (left := deadline - time.perf_counter_ns() - SPIN_NS) > 0:
        time.sleep(left * 1e-9)
    while time.perf_counter_ns() < deadline:
        pass
