"""Race: configurations measured side by side in blocks, of which the slower ones leave early."""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping, Sequence

import numpy as np

from bench.analysis.racing.e_values import PRIOR_VARIANCE, Floats, compute_log_e

# Error probability of a race: one half is for dropping the fastest, one for a bound that is too small.
ERROR = 0.05
FEWEST_BLOCKS = 3
# From so many configurations on, more evidence is needed for each, which a wider prior finds sooner.
MANY, PRIOR_VARIANCE_OF_MANY = 100, 100.0
BISECTIONS = 30
# Shifts beyond this factor of throughput aren't looked for.
LARGEST_REGRET = math.log(1000.0)


class Race:
    """Configurations measured side by side in blocks, of which the slower ones leave early.

    The fastest is still in with a probability of 97.5%, whenever one looks. Single drops have no such
    guarantee. `bound_regret` bounds how much slower than the fastest a configuration is.

    A configuration leaves when the mean of its e-values against all others is large enough. E-values against
    one that has left stay as they were, and the number that the mean divides by is that of the start.

    Attributes:
        numbers: the configurations, by their numbers.
    """

    def __init__(self, numbers: Sequence[int], error: float = ERROR) -> None:
        """Begin a race.

        Args:
            numbers: the configurations, at least one.
            error: probability that the fastest is dropped, or that a bound is too small.
        """
        self.numbers = tuple(numbers)
        self._places = {number: place for place, number in enumerate(self.numbers)}
        count = len(self.numbers)
        self._is_in = np.ones(count, dtype=bool)
        self._log_speeds: Floats = np.empty((count, 0))
        self._log_e: Floats = np.full((count, count), -np.inf)
        self._enough = math.log(2 / error)
        self._variance = PRIOR_VARIANCE if count < MANY else PRIOR_VARIANCE_OF_MANY

    @property
    def left(self) -> tuple[int, ...]:
        """Numbers of the configurations that are still in."""
        return tuple(number for number in self.numbers if self._is_in[self._places[number]])

    @property
    def blocks(self) -> int:
        """Number of blocks so far."""
        return int(self._log_speeds.shape[1])

    def drop(self, number: int) -> None:
        """Take out a configuration that failed."""
        self._is_in[self._places[number]] = False

    def add_block(self, speeds: Mapping[int, float]) -> tuple[int, ...]:
        """Take in one block, and drop those that it shows to be slower.

        Args:
            speeds: throughput of each configuration that is in. One that is missing leaves.

        Returns:
            Numbers of those that were dropped as slower.
        """
        for number in self.left:
            if not speeds.get(number):
                self.drop(number)
        logs = [math.log(speeds[number]) if number in self.left else math.nan for number in self.numbers]
        self._log_speeds = np.column_stack([self._log_speeds, logs])
        places = np.flatnonzero(self._is_in)
        if self.blocks < FEWEST_BLOCKS or len(places) < 2:
            return ()
        own = self._log_speeds[places]
        self._log_e[np.ix_(places, places)] = compute_log_e(own[:, None] - own[None, :], self._variance)
        np.fill_diagonal(self._log_e, -np.inf)
        pooled = np.logaddexp.reduce(self._log_e[places], axis=1) - math.log(len(self.numbers) - 1)
        slower = places[pooled >= self._enough]
        self._is_in[slower] = False
        return tuple(self.numbers[place] for place in slower)

    def rank(self) -> list[int]:
        """Return the numbers of those that are in, the fastest first, by the median of their blocks."""
        left = list(self.left)
        return sorted(left, key=lambda number: -float(np.median(self._log_speeds[self._places[number]])))

    def shows_slower(self, differences: Sequence[float]) -> bool:
        """Return True if one configuration is shown to be slower than another that the race has chosen.

        It holds with a probability of 97.5% for all choices of the other one, at any look, in the race and in
        blocks after it.

        Args:
            differences: logarithm of the ratio of the slower one to the faster one in each block.
        """
        log_e = float(compute_log_e(np.asarray(differences, dtype=float), self._variance))
        return log_e >= self._enough + math.log(max(1, len(self.numbers) - 1))

    def estimate_noise(self) -> float | None:
        """Return the spread of one trial, as a share; None where no two that are in have enough blocks.

        It is the median over pairs of the deviation of their differences. What slows a whole block cancels.
        """
        places = np.flatnonzero(self._is_in)
        if self.blocks < FEWEST_BLOCKS or len(places) < 2:
            return None
        own = self._log_speeds[places]
        deviations = [(one - other).std(ddof=1) for one, other in itertools.combinations(own, 2)]
        return float(np.median(deviations)) / math.sqrt(2)

    def bound_regret(self, number: int) -> float:
        """Return by how much of its throughput the fastest may exceed a configuration, as a share.

        The bound holds with a probability of 97.5% for all configurations and at all looks, if the fastest is
        still in.

        Args:
            number: a configuration that is in.

        Returns:
            0.03 where the fastest is at most 3% faster; infinity where nothing is known yet.
        """
        place = self._places[number]
        others = [other for other in np.flatnonzero(self._is_in) if other != place]
        if not others:
            return 0.0
        gaps = self._log_speeds[others] - self._log_speeds[place]
        # Any of those that are in might have been chosen.
        enough = self._enough + math.log(max(1, len(self.numbers) - 1))
        return max(math.expm1(self._bound(gap, enough)) for gap in gaps)

    def _bound(self, gap: Floats, enough: float) -> float:
        """Return the smallest shift at which it is refuted that the other one is faster by as much."""
        low, high = 0.0, LARGEST_REGRET
        if compute_log_e(gap - high, self._variance) < enough:
            return math.inf
        for _ in range(BISECTIONS):
            middle = (low + high) / 2
            low, high = (
                (low, middle) if compute_log_e(gap - middle, self._variance) >= enough else (middle, high)
            )
        return high
