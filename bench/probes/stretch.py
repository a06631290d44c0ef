"""Stretch: a part of an epoch that is timed once batches come evenly."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from bench.process.cpu_time import read_tree_cpu_s

# A stretch has at least so many batches, however slow they are.
FEWEST_BATCHES = 4


class NoBatchError(ValueError):
    """An epoch without a batch."""


@dataclass(frozen=True)
class Stretch:
    """A part of an epoch that was timed.

    Attributes:
        batches: number of batches, at least 1.
        samples: number of their samples.
        wall_s: time that they took, in seconds.
        cpu_s: CPU seconds of this process and its workers in this time.
        startup_s: seconds from the request for an iterator until this time began; default 0.
    """

    batches: int
    samples: int
    wall_s: float
    cpu_s: float
    startup_s: float = 0.0


@dataclass(frozen=True)
class StretchPlan:
    """Says where stretches begin and end.

    Attributes:
        limit_s: seconds after which a stretch ends, once it has the fewest batches.
        skip: number of batches before the first stretch: one for each worker.
        turn: a stretch has a multiple of this number of batches, because workers deliver in turn; default 1.
        most: number of batches after which a stretch ends; default None for any number.
    """

    limit_s: float
    skip: int = 0
    turn: int = 1
    most: int | None = None

    def is_over(self, batches: int, elapsed_s: float) -> bool:
        """Return whether a stretch is over.

        Args:
            batches: number of its batches so far.
            elapsed_s: seconds since it began.
        """
        if batches == self.most:
            return True
        # One turn may be a lucky one.
        fewest = max(FEWEST_BATCHES, 2 * self.turn)
        return elapsed_s >= self.limit_s and batches >= fewest and batches % self.turn == 0


class Taker:
    """Takes the batches of a stretch as a training loop without a step does."""

    def __init__(self, count: Callable[[Any], int]) -> None:
        """Prepare to take batches.

        Args:
            count: returns the number of samples of a batch.
        """
        self._count = count

    def take(self, batch: Any) -> int:
        """Take a batch, and return the number of its samples."""
        return self._count(batch)

    def finish(self) -> None:
        """Wait for what is still under way at the end of a stretch."""


def time_stretches(
    open_loader: Callable[[], Iterator[Any]], plan: StretchPlan, taker: Taker, number: int = 1
) -> list[Stretch]:
    """Iterate a loader once, and time one stretch of its batches after another.

    An epoch that ends before the first stretch has one turn is timed from its first batch on. A single batch
    is timed from `iter(loader)` on.

    Args:
        open_loader: returns an iterator of batches, as `iter(loader)` does. It is dropped at the end.
        plan: says where stretches begin and end.
        taker: takes the batches.
        number: most stretches; default 1.

    Raises:
        NoBatchError: the loader delivers no batch.
    """
    clock = _StretchClock(taker)
    batches = open_loader()
    clock.begin()
    for batch in itertools.islice(batches, plan.skip):
        clock.take(batch)
        clock.begin()
    stretches: list[Stretch] = []
    for _ in range(number):
        for batch in batches:
            clock.take(batch)
            if plan.is_over(clock.batches, clock.elapsed_s):
                stretches.append(clock.end())
                clock.begin()
                break
        else:
            if clock.batches >= (FEWEST_BATCHES if stretches else plan.turn):
                stretches.append(clock.end())
            break
    return stretches or [clock.end_early()]


class _StretchClock:
    """The time of the present stretch, and of all batches so far.

    Attributes:
        batches: number of batches in the present stretch.
    """

    def __init__(self, taker: Taker) -> None:
        self._taker = taker
        self._opened = self._began = self._first = _Reading.take()
        self.batches = self._samples = 0
        self._all: list[int] = []
        self._arrived_s = self._opened.at_s
        self._has_ended = False

    @property
    def elapsed_s(self) -> float:
        """Seconds from the begin of the stretch to the arrival of the last batch."""
        return self._arrived_s - self._began.at_s

    def begin(self) -> None:
        """Begin a stretch here."""
        self._began = _Reading.take()
        if len(self._all) == 1:
            self._first = self._began
        self.batches = self._samples = 0

    def take(self, batch: Any) -> None:
        """Take a batch that has arrived."""
        count = self._taker.take(batch)
        self._arrived_s = time.perf_counter()
        self.batches += 1
        self._samples += count
        self._all.append(count)

    def end(self) -> Stretch:
        """End the stretch with the last batch that has arrived."""
        return self._make(self._began, self.batches, self._samples)

    def end_early(self) -> Stretch:
        """End the only stretch of an epoch that has fewer batches than are skipped.

        Raises:
            NoBatchError: there was no batch.
        """
        if not self._all:
            raise NoBatchError("the loader delivers no batch")
        if len(self._all) == 1:
            return self._make(self._opened, 1, self._all[0])
        return self._make(self._first, len(self._all) - 1, sum(self._all[1:]))

    def _make(self, began: _Reading, batches: int, samples: int) -> Stretch:
        finishing_s = time.perf_counter()
        self._taker.finish()
        ended = _Reading.take()
        # What follows the last batch, such as the end of workers, belongs to no batch.
        wall_s = self._arrived_s - began.at_s + (ended.at_s - finishing_s)
        # The loader starts once.
        startup_s = 0.0 if self._has_ended else began.at_s - self._opened.at_s
        self._has_ended = True
        return Stretch(batches, samples, wall_s, ended.cpu_s - began.cpu_s, startup_s)


@dataclass(frozen=True)
class _Reading:
    """The CPU seconds that were used so far, and the time at which they were read."""

    cpu_s: float
    at_s: float

    @classmethod
    def take(cls) -> _Reading:
        # The clock is read last, since the other reading takes longer.
        return cls(read_tree_cpu_s(), time.perf_counter())
