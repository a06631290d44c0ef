"""Peaks of made-up samples."""

from __future__ import annotations

from bench.process.memory_sample import MemoryPeak, MemorySample, WorkerMemory, find_peak


def test_each_value_peaks_by_itself() -> None:
    """The largest memory, the largest without files, and the most processes may be of three samples."""
    samples = [
        MemorySample(1, 100, 80, WorkerMemory(30, 1)),
        MemorySample(2, 200, 20, WorkerMemory(50, 2)),
        MemorySample(3, 10, 5, WorkerMemory(0, 5)),
    ]
    assert find_peak(samples, None) == MemoryPeak(250, 110, 6)


def test_workers_of_another_epoch_stand_in() -> None:
    """Samples without workers of their own take the given ones; those that have some keep them."""
    workers = WorkerMemory(40, 3)
    assert find_peak([MemorySample(1, 100, 10), MemorySample(2, 90, 9)], workers) == MemoryPeak(140, 50, 4)
    assert find_peak([MemorySample(1, 100, 10, WorkerMemory())], workers) == MemoryPeak(100, 10, 1)


def test_unknown_workers_leave_the_peak_unknown() -> None:
    """The training process alone would pass for all of it."""
    assert find_peak([MemorySample(1, 100, 10)], None) == MemoryPeak()
    assert find_peak([], WorkerMemory()) == MemoryPeak()


def test_unknown_pages_of_files_leave_only_their_difference_unknown() -> None:
    """The memory with them is known all the same."""
    assert find_peak([MemorySample(1, 100, None)], WorkerMemory(1, 1)) == MemoryPeak(101, None, 2)


def test_merged_memory_has_the_larger_values() -> None:
    """Each by itself."""
    assert WorkerMemory(1, 5).merge(WorkerMemory(2, 3)) == WorkerMemory(2, 5)
