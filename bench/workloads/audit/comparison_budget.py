"""ComparisonBudget: the time that the comparison of batches may take in an epoch."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

# Comparing may take this long in each epoch, and beyond that as long as the loading of its batches.
ALLOWANCE_S = 2.0


class ComparisonBudget:
    """The time that the comparison of batches may take in an epoch."""

    def __init__(
        self, allowance_s: float = ALLOWANCE_S, clock: Callable[[], float] = time.perf_counter
    ) -> None:
        """Set the time.

        Args:
            allowance_s: seconds in each epoch; default ALLOWANCE_S.
            clock: tells the time in seconds.
        """
        self._allowance_s = allowance_s
        self._clock = clock
        self.start_over()

    def start_over(self) -> None:
        """Begin a new epoch."""
        self._began_s = self._clock()
        self._spent_s = 0.0
        self._last_s = 0.0

    def fits(self) -> bool:
        """Return whether another comparison as long as the last one may be made."""
        loading_s = self._clock() - self._began_s - self._spent_s
        return self._spent_s + self._last_s <= max(self._allowance_s, loading_s)

    @contextmanager
    def spend(self) -> Iterator[None]:
        """Take the time of a `with` block from the budget."""
        began_s = self._clock()
        try:
            yield
        finally:
            self._last_s = self._clock() - began_s
            self._spent_s += self._last_s
