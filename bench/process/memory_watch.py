"""MemoryWatch: watches the memory of a trial's processes from the sweep's process."""

from __future__ import annotations

import time
from dataclasses import replace
from itertools import pairwise

from bench.process import process_tree
from bench.process.memory_sample import MemoryPeak, MemorySample, WorkerMemory, find_peak
from bench.process.process_status import ProcessStatus, parse_status, read_status, read_status_text
from bench.process.shared_pages import SharedPages, read_shared_pages

# Time between two samples where nothing is timed, in seconds: then workers of short epochs are seen too.
OFF_CLOCK_INTERVAL_S = 0.1
# The samples with workers at which their shared pages are read, which takes 10 ms a worker. The second
# reading comes when they have worked a while, and have written to pages that they shared at first.
READINGS_OF_SHARED = (1, 8)
# Workers are counted at every so many samples, as finding them takes a millisecond.
SAMPLES_PER_COUNT = 4


class MemoryWatch:
    """Samples of the memory of a training process and, if asked for, of its workers.

    Workers are left out of the samples of a timed epoch: reading 16 of them takes 5% of the time of two
    cores.

    Attributes:
        saw_workers: True if the training process had a child at any time.
    """

    def __init__(self, pid: int, *, limit_bytes: int | None = None, with_workers: bool = False) -> None:
        """Prepare to watch a process.

        Args:
            pid: the training process.
            limit_bytes: most memory of the trial without pages of files, or with them if the system doesn't
                tell; None for no limit. Workers are read then too.
            with_workers: read the memory of workers at each sample.
        """
        self.saw_workers = False
        self._samples: list[MemorySample] = []
        # Readings beside a timed epoch, which are parsed after it.
        self._texts: list[tuple[int, bytes]] = []
        self._pid = pid
        self._limit_bytes = limit_bytes
        self._with_workers = with_workers or limit_bytes is not None
        self._calls = 0
        self._sightings = 0
        self._shared = SharedPages(0)

    def sample(self) -> None:
        """Take a sample.

        Raises:
            MemoryError: the trial holds more than the limit.
        """
        if self._with_workers:
            self._sample_with_workers()
            return
        if self._calls % SAMPLES_PER_COUNT == 0 and not self.saw_workers:
            self.saw_workers = bool(process_tree.list_children(self._pid))
        self._calls += 1
        if (text := read_status_text(self._pid)) is not None:
            self._texts.append((time.perf_counter_ns(), text))
        elif (status := read_status(self._pid)) is not None:
            self._samples.append(_make_sample(status))

    @property
    def samples(self) -> list[MemorySample]:
        """The samples so far, in order."""
        for at_ns, text in self._texts:
            if (status := parse_status(text)) is not None:
                self._samples.append(_make_sample(status, at_ns))
        self._texts.clear()
        return self._samples

    def find_peak(self, start_ns: int, end_ns: int, workers: WorkerMemory | None = None) -> MemoryPeak:
        """Return the largest memory between two instants.

        The first sample after them counts too, as an epoch may be shorter than the time between two samples.

        Args:
            start_ns: reading of `time.perf_counter_ns()` at the start.
            end_ns: the same at the end.
            workers: memory of the workers, as seen in other epochs of the loader; for a watch that doesn't
                read it.
        """
        if workers is None and not self._with_workers and not self.saw_workers:
            workers = WorkerMemory()
        return find_peak(self._find_samples(start_ns, end_ns), workers)

    def find_worker_memory(self, start_ns: int, end_ns: int) -> WorkerMemory | None:
        """Return the largest memory of the workers between two instants; None if it was not read."""
        found = None
        for sample in self._find_samples(start_ns, end_ns):
            if sample.workers is not None:
                found = sample.workers if found is None else found.merge(sample.workers)
        return found

    def find_stopped_s(self, start_ns: int, end_ns: int) -> float:
        """Return the seconds between two instants in which a signal had stopped the training process."""
        stopped_ns = 0
        for sample, following in pairwise(self.samples):
            if sample.is_stopped:
                stopped_ns += max(0, min(following.at_ns, end_ns) - max(sample.at_ns, start_ns))
        return stopped_ns * 1e-9

    def _sample_with_workers(self) -> None:
        process = read_status(self._pid)
        if process is None:
            return
        pids = process_tree.list_descendants(self._pid)
        self.saw_workers |= bool(pids)
        workers = self._read_workers(pids)
        if workers is None:
            return
        sample = replace(_make_sample(process), workers=workers)
        self._samples.append(sample)
        self._check_limit(sample, workers)

    def _find_samples(self, start_ns: int, end_ns: int) -> list[MemorySample]:
        samples = self.samples
        inside = [sample for sample in samples if start_ns <= sample.at_ns <= end_ns]
        return inside + [sample for sample in samples if sample.at_ns > end_ns][:1]

    def _read_workers(self, pids: list[int]) -> WorkerMemory | None:
        """Return the memory of the workers, or None while they end and their shared pages can't be told."""
        if pids and self._sightings + 1 in READINGS_OF_SHARED and not self._read_shared(pids):
            return None
        self._sightings += bool(pids)
        statuses = [status for status in map(read_status, pids) if status is not None]
        return WorkerMemory(sum(map(self._find_own_bytes, statuses)), len(statuses))

    def _find_own_bytes(self, status: ProcessStatus) -> int:
        """Return the memory that a worker holds for itself."""
        if status.anonymous_bytes is None:
            return max(0, status.resident_bytes - self._shared.resident_bytes)
        return max(0, status.anonymous_bytes - (self._shared.anonymous_bytes or 0))

    def _read_shared(self, pids: list[int]) -> bool:
        """Read the pages that workers share, and return whether any worker's could be read."""
        readings = [reading for reading in map(read_shared_pages, pids) if reading is not None]
        if readings:
            self._shared = SharedPages(
                max(reading.resident_bytes for reading in readings),
                max(reading.anonymous_bytes or 0 for reading in readings),
            )
        return bool(readings)

    def _check_limit(self, sample: MemorySample, workers: WorkerMemory) -> None:
        if self._limit_bytes is None or _held_bytes(sample, workers) <= self._limit_bytes:
            return
        pids = process_tree.list_descendants(self._pid)
        # The shared pages were read a while ago. Before this costs a trial, they are read again.
        if pids and self._read_shared(pids):
            workers = self._read_workers(pids) or workers
        held_bytes = _held_bytes(sample, workers)
        if held_bytes <= self._limit_bytes:
            return
        processes = 1 + workers.processes
        raise MemoryError(
            f"out of memory: the trial held {held_bytes / 2**20:,.0f} MiB in {processes} "
            f"process{'es' * (processes > 1)}, the limit is {self._limit_bytes / 2**20:,.0f} MiB"
        )


def _make_sample(status: ProcessStatus, at_ns: int | None = None) -> MemorySample:
    """Return the sample of a training process alone, taken at a reading of the clock; default now."""
    anonymous_bytes = None
    if status.file_bytes is not None:
        anonymous_bytes = max(0, status.resident_bytes - status.file_bytes)
    if at_ns is None:
        at_ns = time.perf_counter_ns()
    return MemorySample(at_ns, status.resident_bytes, anonymous_bytes, is_stopped=status.is_stopped)


def _held_bytes(sample: MemorySample, workers: WorkerMemory) -> int:
    """Return the memory that a limit holds for: without pages of files, if the system tells."""
    total = sample.add(workers)
    return total.anonymous_bytes if total.anonymous_bytes is not None else total.resident_bytes or 0
