"""Samples of a trial's memory, and the peak of several of them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True)
class WorkerMemory:
    """Memory that the descendants of a training process hold for themselves.

    A forked worker's resident set holds all memory of its parent. The pages that it shares with others are
    left out, and on Linux all pages of files and of shared memory.

    Attributes:
        own_bytes: sum over the workers.
        processes: number of workers.
    """

    own_bytes: int = 0
    processes: int = 0

    def merge(self, other: WorkerMemory) -> WorkerMemory:
        """Return the larger value of each attribute."""
        return WorkerMemory(max(self.own_bytes, other.own_bytes), max(self.processes, other.processes))


@dataclass(frozen=True)
class MemoryPeak:
    """Largest memory of a trial within an epoch. None is unknown.

    Attributes:
        resident_bytes: resident set of the training process and the memory that workers hold for themselves.
        anonymous_bytes: the same without pages of files.
        processes: largest number of processes, the training process included.
    """

    resident_bytes: int | None = None
    anonymous_bytes: int | None = None
    processes: int | None = None


@dataclass(frozen=True)
class MemorySample:
    """Memory of a trial at one instant.

    Attributes:
        at_ns: reading of `time.perf_counter_ns()`.
        resident_bytes: resident set of the training process.
        anonymous_bytes: the same without pages of files; None if the system doesn't tell.
        workers: memory of its descendants; None if it was not read.
        is_stopped: True if a signal had stopped the training process.
    """

    at_ns: int
    resident_bytes: int
    anonymous_bytes: int | None
    workers: WorkerMemory | None = None
    is_stopped: bool = False

    def add(self, workers: WorkerMemory) -> MemoryPeak:
        """Return the memory of the training process and of these workers together."""
        return MemoryPeak(
            self.resident_bytes + workers.own_bytes,
            None if self.anonymous_bytes is None else self.anonymous_bytes + workers.own_bytes,
            1 + workers.processes,
        )


def find_peak(samples: Iterable[MemorySample], workers: WorkerMemory | None) -> MemoryPeak:
    """Return the largest memory of some samples.

    Args:
        samples: the samples, in any order.
        workers: memory of the workers for samples that don't hold it; None if unknown.
    """
    both = ((sample, sample.workers or workers) for sample in samples)
    totals = [sample.add(its_workers) for sample, its_workers in both if its_workers is not None]
    return MemoryPeak(
        _find_max(total.resident_bytes for total in totals),
        _find_max(total.anonymous_bytes for total in totals),
        _find_max(total.processes for total in totals),
    )


def _find_max(values: Iterable[int | None]) -> int | None:
    return max((value for value in values if value is not None), default=None)
