"""Waits of planned length. Each is counted from its entry or from the end of the one before."""

from __future__ import annotations

import time

# A wait that begins within this time of the one before makes up for its delay. Later, the plan starts anew.
GAP_S = 5e-3
# Workers share the cores with others, so a Pace spins less.
SLEPT_S = 1e-4
# time.sleep returns late. The rest of a wait is spun.
SPIN_S = 1e-3


def wait(seconds: float) -> None:
    """Return a planned time after the entry, to some microseconds."""
    end = time.perf_counter() + seconds
    if seconds > SPIN_S:
        time.sleep(seconds - SPIN_S)
    while time.perf_counter() < end:
        pass


class Pace:
    """Waits one after another, as in a worker. No delay adds up."""

    def __init__(self) -> None:
        """Begin with the first wait."""
        self._due = 0.0

    def wait(self, seconds: float, *, anew: bool = False) -> None:
        """Return a planned time after the end of the wait before, if that was just now; else after the entry.

        Args:
            seconds: length of the wait.
            anew: count from the entry in any case.
        """
        now = time.perf_counter()
        goes_on = now - self._due < GAP_S and not anew
        self._due = (self._due if goes_on else now) + seconds
        time.sleep(max(0.0, self._due - SLEPT_S - time.perf_counter()))
        while time.perf_counter() < self._due:
            pass
