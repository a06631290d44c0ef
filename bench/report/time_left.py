"""TimeLeft: a forecast of the trials to come, from those that have been."""

from __future__ import annotations

import statistics
from collections import defaultdict
from collections.abc import Mapping


class TimeLeft:
    """Foretells what the trials to come will take, from those that have been."""

    def __init__(self, estimates_s: Mapping[int, float], blocks: int) -> None:
        self._estimates_s = estimates_s
        self._taken_s: defaultdict[int, list[float]] = defaultdict(list)
        self._left = dict.fromkeys(estimates_s, blocks)

    def skipped(self, number: int) -> None:
        """Note that one trial of this configuration is not run."""
        self._left[number] -= 1

    def added(self, number: int) -> None:
        """Note that one more trial of this configuration is run."""
        self._left[number] += 1

    def finished(self, number: int, seconds: float) -> None:
        """Note that one trial of this configuration has taken so long."""
        self._taken_s[number].append(seconds)
        self._left[number] -= 1

    def trial_s(self, number: int) -> float:
        """How long a trial will take: as long as before; a new one its estimate, as far off as others."""
        if self._taken_s[number]:
            return statistics.mean(self._taken_s[number])
        estimated = sum(self._estimates_s[n] * len(times) for n, times in self._taken_s.items())
        taken = sum(sum(times) for times in self._taken_s.values())
        return self._estimates_s[number] * (taken / estimated if estimated else 1.0)

    def seconds(self) -> float:
        """How long all the trials that are left will take."""
        return sum(trials * self.trial_s(number) for number, trials in self._left.items())
