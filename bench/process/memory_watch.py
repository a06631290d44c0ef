"""Watches the memory and the number of a trial's processes, from outside: the trial takes no part in it."""

from __future__ import annotations

import contextlib
import time
from dataclasses import dataclass, field
from pathlib import Path

from bench.process import process_tree

# What a worker shares is read when workers are first seen, and again once they have worked a while and
# written to pages that they shared at first. More often would cost more than the rest of the harness.
READINGS_OF_SHARED = (1, 4)


@dataclass
class MemoryWatch:
    """Samples of a process tree: the process's resident set, what each descendant adds, and their number.

    A forked worker has all of its parent's memory in its resident set, though it holds only what it wrote.
    So what workers share is read a few times and taken off their resident sets, which are read every time.

    samples: (time.perf_counter_ns(), bytes, of them no pages of files, processes).
    limit_bytes: what of the latter is too much (of all, where the system doesn't tell); None: nothing is.
    """

    pid: int
    samples: list[tuple[int, int, int | None, int]] = field(default_factory=list)
    limit_bytes: int | None = None
    _shared: int = 0
    _shared_anonymous: int = 0
    _sightings: int = 0

    def sample(self) -> None:
        """Take one sample now; MemoryError, in one line, where it is over the limit."""
        total, _ = process_tree.resident_and_mapped_bytes(self.pid)
        if total == 0:
            return
        files = process_tree.file_bytes(self.pid)
        private = None if files is None else max(0, total - files)
        workers = process_tree.descendants(self.pid)
        if workers and self._sightings + 1 in READINGS_OF_SHARED:
            readings = [process_tree.shared_bytes(worker) for worker in workers]
            readable = [reading for reading in readings if reading is not None]
            if not readable:
                # They are ending: what they hold can't be told from what they share.
                return
            self._shared = max(readable)
            self._read_anonymous(workers)
        self._sightings += bool(workers)
        processes = 1
        for worker in workers:
            resident, mapped = process_tree.resident_and_mapped_bytes(worker)
            processes += resident > 0
            # A worker that isn't forked shares no more than what it maps, and that only once it has started.
            total += max(0, resident - max(self._shared, mapped))
        if private is not None:
            private += self._held_by(workers)
        self.samples.append((time.perf_counter_ns(), total, private, processes))
        self._check(total, private, workers)

    def _check(self, total: int, private: int | None, workers: list[int]) -> None:
        limit, held = self.limit_bytes, total if private is None else private
        if limit is None or held <= limit:
            return
        if private is not None and workers:
            # What is shared was read a while ago: before this costs a trial, it is read again.
            held -= self._held_by(workers)
            self._read_anonymous(workers)
            held += self._held_by(workers)
            if held <= limit:
                return
        processes = 1 + len(workers)
        raise MemoryError(
            f"out of memory: the trial held {held / 2**20:,.0f} MiB in {processes} "
            f"process{'es' * (processes > 1)}, the limit is {limit / 2**20:,.0f} MiB"
        )

    def _read_anonymous(self, workers: list[int]) -> None:
        readings = filter(None, map(process_tree.anonymous_bytes, workers))
        self._shared_anonymous = max((resident - own for resident, own in readings), default=0)

    def _held_by(self, workers: list[int]) -> int:
        """What workers hold for themselves without pages of files, by the last reading of what they share."""
        resident = map(process_tree.resident_anonymous_bytes, workers)
        return sum(max(0, own - self._shared_anonymous) for own in resident)

    def peak_bytes(self, start_ns: int, end_ns: int) -> int | None:
        """The largest memory between two instants and, for epochs shorter than the interval, just after."""
        return max((memory for _, memory, _, _ in self._between(start_ns, end_ns)), default=None)

    def peak_anonymous_bytes(self, start_ns: int, end_ns: int) -> int | None:
        """The largest without pages of files; None where the system doesn't tell."""
        private = [memory for _, _, memory, _ in self._between(start_ns, end_ns) if memory is not None]
        return max(private, default=None)

    def processes(self, start_ns: int, end_ns: int) -> int | None:
        """The most processes seen at once in the same time."""
        return max((processes for _, _, _, processes in self._between(start_ns, end_ns)), default=None)

    def _between(self, start_ns: int, end_ns: int) -> list[tuple[int, int, int | None, int]]:
        inside = [sample for sample in self.samples if start_ns <= sample[0] <= end_ns]
        return inside + [sample for sample in self.samples if sample[0] > end_ns][:1]


def count_system_kills() -> int:
    """How many processes the system has ended so far because memory ran out; 0 where it doesn't tell."""
    for path in (Path("/sys/fs/cgroup/memory.events"), Path("/proc/vmstat")):
        with contextlib.suppress(OSError, ValueError):
            for line in path.read_text().splitlines():
                name, _, count = line.partition(" ")
                if name == "oom_kill":
                    return int(count)
    return 0
