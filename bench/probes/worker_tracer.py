"""WorkerTracer: times the loading of batches where it happens, in each worker of a DataLoader.

This file stands alone: it needs torch and the standard library. Workers that are not forked run it by its
path, because a user's project may hold modules that bear our names.
"""

from __future__ import annotations

import json
import os
import runpy
import struct
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from torch.utils.data import _DatasetKind

# Fields of a record before the times of the transforms; all are int64, times in nanoseconds.
FIELDS = ("task", "samples", "begun_ns", "fetched_ns", "ended_ns", "cpu_ns", "delayed_ns")
SUFFIX = ".trace"
UNKNOWN = -1
# Two readings of the clock around a call take up to this long between other work. Where they would take more
# than a share of the fetch, the transforms of a batch are timed and those of the next ones aren't.
CALL_NS = 1_000
MOST_SHARE = 0.01
UNTIMED_BATCHES = 3
# The finder of transforms lies beside this file.
FINDER = str(Path(__file__).resolve().with_name("transforms.py"))
# What a worker that isn't forked evaluates. It has none of our modules.
REVIVE = (
    "run_path(tracer)['WorkerTracer']"
    "(folder, run_path(finder)['find_transforms'], init_fn, created_ns=now_ns)"
)

Finder = Callable[[Any], Sequence[Any]]
clock = time.perf_counter_ns


class WorkerTracer:
    """A worker_init_fn that lets each worker time the batches that it loads.

    The user's own worker_init_fn is called first. The dataset stays the user's own object.

    Attributes:
        init_fn: the user's worker_init_fn; None for none.
        created_ns: reading of the clock right before the worker was created; None where it isn't known.
    """

    def __init__(
        self,
        folder: str,
        find_transforms: Finder,
        init_fn: Callable[[int], object] | None = None,
        *,
        created_ns: int | None = None,
    ) -> None:
        """Prepare to trace workers.

        Args:
            folder: folder for the records.
            find_transforms: returns the TransformSlots of a dataset.
            init_fn: the user's worker_init_fn; default None.
            created_ns: reading of the clock right before the worker is created; default None.
        """
        self.init_fn = init_fn
        self.created_ns = created_ns
        self._folder = folder
        self._find_transforms = find_transforms

    def __call__(self, worker: int) -> None:
        """Begin to trace this process, which is the worker of that number."""
        ready_ns = clock()
        if self.init_fn is not None:
            self.init_fn(worker)
        start = {"created_ns": self.created_ns, "ready_ns": ready_ns}
        timer = FetchTimer(self._folder, self._find_transforms, worker, start)
        # torch makes the fetcher of this worker next. No other process sees the change.
        _DatasetKind.create_fetcher = timer.create_fetcher  # type: ignore[method-assign]

    def __reduce__(self) -> tuple[Any, ...]:
        files = {"tracer": str(Path(__file__).resolve()), "finder": FINDER}
        # A process that isn't forked is created as soon as its arguments are pickled.
        values = {"folder": self._folder, "init_fn": self.init_fn, "now_ns": clock()}
        return eval, (REVIVE, {"run_path": runpy.run_path, **files, **values})


class FetchTimer:
    """Times the fetches of a dataset in this process, and writes a file of records for each epoch."""

    def __init__(
        self,
        folder: str,
        find_transforms: Finder,
        worker: int = UNKNOWN,
        start: dict[str, int | None] | None = None,
    ) -> None:
        """Prepare to time.

        Args:
            folder: folder for the records.
            find_transforms: returns the TransformSlots of a dataset.
            worker: number of the worker that this process is; default UNKNOWN, the training process.
            start: readings of the clock when the worker was created and ready; default None.
        """
        self._folder = folder
        self._find_transforms = find_transforms
        self._worker = worker
        self._start = start
        self._make: Callable[..., Any] = _DatasetKind.create_fetcher
        self._dataset: Any = None
        self._timed: TimedFetcher | None = None
        self._delay = CoreDelay()

    def create_fetcher(self, kind: Any, dataset: Any, *arguments: Any) -> Any:
        """Return the fetcher of an epoch as `_DatasetKind.create_fetcher` makes it, but timed.

        A dataset may load from DataLoaders of its own; they aren't timed.

        Args:
            kind: kind of the dataset.
            dataset: the dataset; the first one is that which is timed.
            arguments: further arguments of torch.
        """
        if self._dataset is None:
            self._dataset = dataset
        if dataset is not self._dataset:
            return self._make(kind, dataset, *arguments)
        began_ns = clock()
        self.close()
        try:
            slots = self._find_transforms(dataset)
        except Exception:
            # A dataset that can't be looked into keeps its transforms to itself.
            slots = []
        try:
            file = self._open(began_ns, [slot.name for slot in slots])
        except OSError:
            # The trace is over, and its folder gone.
            return self._make(kind, dataset, *arguments)
        # Workers that live on have started once.
        self._start = None
        # An iterable dataset begins in its fetcher, and may take its transforms along.
        self._timed = TimedFetcher(file, slots, self._delay, in_worker=self._worker != UNKNOWN)
        self._timed.hold(self._make(kind, dataset, *arguments))
        return self._timed

    def close(self) -> None:
        """End the timing of the last epoch's fetcher."""
        if self._timed is not None:
            self._timed.close()
            self._timed = None

    def _open(self, began_ns: int, transforms: list[str]) -> int:
        """Return a new file that begins with a line of JSON."""
        header = {"worker": self._worker, "pid": os.getpid(), "began_ns": began_ns}
        header_line = json.dumps({**header, "start": self._start, "transforms": transforms})
        path = Path(self._folder, f"{header['pid']}-{began_ns}{SUFFIX}")
        file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND, 0o600)
        os.write(file, header_line.encode() + b"\n")
        return file


class TimedFetcher:
    """A fetcher of torch that times its fetches, and writes a record of each."""

    def __init__(self, file: int, slots: Sequence[Any], delay: CoreDelay, *, in_worker: bool) -> None:
        """Begin to time the transforms.

        Args:
            file: descriptor of the file of records.
            slots: slots of the transforms.
            delay: tells how long this thread was ready and had no core.
            in_worker: whether torch's loop of workers calls this fetcher; else the training process does.
        """
        self._fetcher: Any = None
        self._file: int | None = file
        self._slots = slots
        self._delay = delay
        self._in_worker = in_worker
        self._fetches = self._untimed = 0
        width = len(slots)
        self._pack = struct.Struct(f"{len(FIELDS) + width}q").pack
        self._none, self._unknown = [0] * width, [UNKNOWN] * width
        self._fetched = [0]
        # Nanoseconds in each transform, which are set back for each batch.
        self._totals = totals = [0] * width
        for place, slot in enumerate(slots):
            slot.install(lambda call, place=place: time_calls(call, totals, place))

    def hold(self, fetcher: Any) -> None:
        """Time the fetches of a fetcher of torch from now on."""
        self._fetcher, fetched = fetcher, self._fetched
        collate = fetcher.collate_fn

        def collate_timed(data: Any) -> Any:
            fetched[0] = clock()
            return collate(data)

        fetcher.collate_fn = collate_timed

    def close(self) -> None:
        """Go on without timing. An iterator may be kept beyond its epoch."""
        for slot in self._slots:
            slot.restore()
        if self._file is not None:
            os.close(self._file)
            self._file = None

    def fetch(self, index: Any) -> Any:
        """Fetch and collate a batch.

        Args:
            index: indices of the batch.
        """
        if self._file is None:
            return self._fetcher.fetch(index)
        # The number of the task orders the batches of all workers. Only the caller knows it.
        task = sys._getframe(1).f_locals.get("idx", UNKNOWN) if self._in_worker else self._fetches
        totals, fetched, read_delay = self._totals, self._fetched, self._delay.read_ns
        totals[:] = self._none
        fetched[0] = 0
        delay_ns, cpu_ns, begun_ns = read_delay(), time.thread_time_ns(), clock()
        data = self._fetcher.fetch(index)
        ended_ns = clock()
        cpu_ns = time.thread_time_ns() - cpu_ns
        delayed_ns = UNKNOWN if delay_ns == UNKNOWN else read_delay() - delay_ns
        self._fetches += 1
        fetched_ns = fetched[0] or ended_ns
        samples = len(index) if isinstance(index, list | tuple) else 1
        times = (begun_ns, fetched_ns, ended_ns, cpu_ns, delayed_ns)
        os.write(self._file, self._pack(task, samples, *times, *(self._unknown if self._untimed else totals)))
        self._plan_next(fetched_ns - begun_ns, samples)
        return data

    def _plan_next(self, fetch_ns: int, samples: int) -> None:
        """Decide by the fetch of a batch whether the transforms of the next one are timed."""
        if self._untimed:
            self._untimed -= 1
            if not self._untimed:
                for slot in self._slots:
                    slot.resume()
        elif samples * len(self._slots) * CALL_NS > MOST_SHARE * fetch_ns:
            self._untimed = UNTIMED_BATCHES
            for slot in self._slots:
                slot.restore()

    def __getattr__(self, name: str) -> Any:
        if name == "_fetcher":
            raise AttributeError(name)
        return getattr(self._fetcher, name)


class CoreDelay:
    """Tells how long this thread was ready to run and had no core, where the system tells it."""

    def __init__(self, path: str = "/proc/thread-self/schedstat") -> None:
        """Open the statistics of this thread.

        Args:
            path: file with nanoseconds on a core, those without one, and the turns; default the system's.
        """
        self._file: int | None = None
        try:
            self._file = os.open(path, os.O_RDONLY)
            _, _, turns = map(int, os.pread(self._file, 100, 0).split())
        except (OSError, ValueError):
            turns = 0
        if self._file is not None and not turns:
            # A system that keeps no statistics shows zeros. A process that was just forked has run for 0 ns.
            os.close(self._file)
            self._file = None

    def read_ns(self) -> int:
        """Return the nanoseconds since the thread began; UNKNOWN where the system doesn't tell."""
        return UNKNOWN if self._file is None else int(os.pread(self._file, 100, 0).split()[1])

    def __del__(self) -> None:
        if getattr(self, "_file", None) is not None:
            os.close(self._file)  # type: ignore[arg-type]


def time_calls(call: Callable[..., Any], totals: list[int], place: int) -> Callable[..., Any]:
    """Return a callable that adds the nanoseconds of its calls to a total.

    Args:
        call: the callable.
        totals: the totals.
        place: place of this one.
    """

    def timed(*args: Any, **kwargs: Any) -> Any:
        began_ns = clock()
        result = call(*args, **kwargs)
        totals[place] += clock() - began_ns
        return result

    return timed
