"""TimeLeft: a forecast of the trials ahead, from those that are done."""

from __future__ import annotations

import statistics
from collections import defaultdict
from collections.abc import Mapping


class TimeLeft:
    """Forecast of the trials ahead, from those that are done. Runs go by their numbers."""

    def __init__(self, estimates_s: Mapping[int, float], blocks: int) -> None:
        """Start with all trials ahead.

        Args:
            estimates_s: estimated duration of a trial of each run, in seconds.
            blocks: trials of each run.
        """
        self._estimates_s = dict(estimates_s)
        self._blocks = blocks
        self._taken_s: defaultdict[int, list[float]] = defaultdict(list)
        self._once_s: defaultdict[int, float] = defaultdict(float)
        self._left = dict.fromkeys(estimates_s, blocks)

    def introduce(self, number: int, estimate_s: float, trials: int) -> None:
        """Take in one more run, with all its trials ahead.

        Args:
            number: its number.
            estimate_s: estimated duration of a trial, in seconds.
            trials: its trials.
        """
        self._estimates_s[number] = estimate_s
        self._left[number] = trials

    def skip(self, number: int) -> None:
        """Leave out one trial of a run."""
        self._left[number] -= 1

    def add(self, number: int) -> None:
        """Add one trial of a run."""
        self._left[number] += 1

    def finish(self, number: int, seconds: float, once_s: float = 0.0) -> None:
        """Take in the duration of one trial of a run.

        Args:
            number: the run.
            seconds: duration of the trial.
            once_s: part of it that later trials of the run don't take; default 0.
        """
        self._taken_s[number].append(seconds)
        self._once_s[number] += once_s
        self._left[number] -= 1

    def estimate_trial_s(self, number: int, *, later: bool = False) -> float:
        """Return how long a trial of a run will take, in seconds.

        It is the mean of the run's trials so far, without what only the first one had to do. Without a trial,
        it is the run's estimate, corrected by how wrong the estimates of the other runs were.

        Args:
            number: the run.
            later: whether another trial of the run comes before; default False, where it may be the first.
        """
        if taken_s := self._taken_s[number]:
            return max(0.0, statistics.mean(taken_s) - self._once_s[number] / len(taken_s))
        estimated = sum(self._estimates_s[n] * len(times) for n, times in self._taken_s.items())
        taken = sum(sum(times) for times in self._taken_s.values())
        taken -= sum(self._once_s.values()) if later else 0.0
        return self._estimates_s[number] * (taken / estimated if estimated else 1.0)

    def estimate_first_s(self) -> float:
        """Return how long the trials of the first block will take that are still ahead, in seconds."""
        first = {number: max(0, trials - self._blocks + 1) for number, trials in self._left.items()}
        return sum(trials * self.estimate_trial_s(number) for number, trials in first.items())

    def estimate_s(self) -> float:
        """Return how long all trials ahead will take, in seconds."""
        return sum(trials * self.estimate_trial_s(number) for number, trials in self._left.items())
