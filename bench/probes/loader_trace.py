"""LoaderTrace: epochs of a loader whose loading is timed where it happens."""

from __future__ import annotations

import functools
import operator
import os
import tempfile
import time
import weakref
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from torch.utils.data import DataLoader, _DatasetKind

from bench.probes.arrivals import Arrivals, watch_arrivals
from bench.probes.fetch_records import FetchRecords, read_records
from bench.probes.find_dataloader import find_dataloader
from bench.probes.transforms import find_transforms
from bench.probes.worker_tracer import UNKNOWN, FetchTimer, WorkerTracer
from bench.process.temporary_folder import make_folder_prefix
from bench.records.batch_trace import IN_TRAINING_PROCESS, BatchTrace, Floats
from bench.trial.epoch_timings import EpochTimings
from loaders.data.nested_batch import count_bytes
from loaders.spec.turn_knobs import RecordingSampler, record_indices, stop_recording

# Tracers whose workers may be forked at any time.
_tracers: weakref.WeakSet[WorkerTracer] = weakref.WeakSet()


class LoaderTrace:
    """Epochs of a loader whose loading is timed where it happens.

    The loop over the loader times its own part of each epoch.
    """

    def __init__(
        self,
        folder: Path | None = None,
        recorder: RecordingSampler | None = None,
        arrivals: Arrivals | None = None,
        *,
        batched: bool = True,
    ) -> None:
        """Trace a loader that is prepared for it.

        Args:
            folder: folder of the records of its fetches; default None for a loader whose inside isn't seen.
            recorder: keeps the indices that are asked for; default None for a loader that asks for none.
            arrivals: keeps the order of batches that may overtake each other; default None for the order in
                which they are asked for.
            batched: whether the sampler yields the indices of a batch, not one index for each; default True.
        """
        self._folder = folder
        self._recorder = recorder
        self._arrivals = arrivals
        self._batched = batched
        self._num_bytes: list[int] = []

    def watch(self, count: Callable[[Any], int]) -> Callable[[Any], int]:
        """Return a function that counts the samples of a batch, and notes its bytes for the trace.

        Args:
            count: returns the number of samples of a batch. A loop calls it once a batch.
        """
        note = self._num_bytes.append

        def count_and_note(batch: Any) -> int:
            note(count_bytes(batch))
            return count(batch)

        return count_and_note

    def collect(self, timings: EpochTimings, epoch: int) -> BatchTrace:
        """Return the trace of an epoch that is over; the next one hasn't begun.

        Args:
            timings: the timings of the epoch.
            epoch: number of the epoch in its process, from 0.
        """
        start_ns, batches = timings.start_ns, timings.batches
        asked_ns, wait_ns, transfer_ns, step_ns = (
            np.array(values, np.int64)
            for values in (timings.asked_ns, timings.data_wait_ns, timings.transfer_ns, timings.step_ns)
        )
        arrived_ns = asked_ns + wait_ns
        moved_ns = arrived_ns + transfer_ns
        done_ns = moved_ns + step_ns
        records = None if self._folder is None else read_records(self._folder, start_ns, timings.end_ns)
        tasks = None if self._arrivals is None else self._arrivals.tasks[:batches]
        delivered = None if records is None else records.pick(batches, tasks)
        num_bytes, self._num_bytes[:] = self._num_bytes[-batches:], []
        return BatchTrace(
            epoch=epoch,
            wall_s=timings.wall_ns * 1e-9,
            startup_s=timings.startup_ns * 1e-9,
            teardown_s=(timings.wall_ns - int(done_ns[-1] if batches else timings.startup_ns)) * 1e-9,
            samples=timings.samples,
            asked_s=_to_seconds(asked_ns),
            arrived_s=_to_seconds(arrived_ns),
            moved_s=_to_seconds(moved_ns),
            done_s=_to_seconds(done_ns),
            indices=self._list_indices(batches, delivered),
            num_bytes=np.array(num_bytes if len(num_bytes) == batches else [], np.float64),
            starts=() if records is None else tuple(start.since(start_ns) for start in records.starts),
            **_describe_inside(delivered, batches, start_ns),
        )

    def _list_indices(
        self, batches: int, delivered: FetchRecords | None
    ) -> tuple[tuple[int | str, ...], ...]:
        """Return the indices of the batches that were delivered; nothing where they aren't known."""
        recorder = self._recorder
        if recorder is None or (delivered is None and self._arrivals is not None):
            return ()
        tasks = range(batches) if delivered is None else delivered.column("task").tolist()
        asked = recorder.asked
        if not tasks or max(tasks) >= len(asked):
            return ()
        batches_asked = (asked[task] for task in tasks)
        return tuple(
            # A single index may be a tuple. Without batching, a list of them is a batch all the same.
            tuple(map(_make_plain, one if self._batched or isinstance(one, list) else (one,)))
            for one in batches_asked
        )


@contextmanager
def trace_loader(loader: Any) -> Iterator[LoaderTrace]:
    """Time the loading of a loader's batches where it happens, inside of a `with` block.

    Workers that are running already aren't seen. Workers that begin inside of the block end with it.

    Args:
        loader: a DataLoader, or a loader that takes its batches from one. Of any other loader only the
            training loop is seen.
    """
    dataloader = find_dataloader(loader)
    if dataloader is None:
        yield LoaderTrace()
        return
    with ExitStack() as stack:
        batched = dataloader.batch_sampler is not None
        recorder = record_indices(dataloader)
        if recorder is not None:
            stack.callback(stop_recording, dataloader, recorder)
        if dataloader._iterator is not None:
            yield LoaderTrace(None, recorder, batched=batched)
            return
        folder = stack.enter_context(
            tempfile.TemporaryDirectory(prefix=make_folder_prefix(), ignore_cleanup_errors=True)
        )
        arrivals = None
        if dataloader.num_workers:
            if not getattr(dataloader, "in_order", True):
                arrivals = stack.enter_context(watch_arrivals(dataloader))
            stack.enter_context(_trace_workers(dataloader, folder))
        else:
            stack.enter_context(_trace_here(dataloader, folder))
        yield LoaderTrace(Path(folder), recorder, arrivals, batched=batched)


@contextmanager
def _trace_workers(loader: DataLoader[Any], folder: str) -> Iterator[None]:
    """Let the workers of a DataLoader time their fetches, inside of a `with` block."""
    _watch_forks()
    init_fn = loader.worker_init_fn
    tracer = WorkerTracer(folder, find_transforms, init_fn)
    _tracers.add(tracer)
    loader.worker_init_fn = tracer
    try:
        yield
    finally:
        _tracers.discard(tracer)
        loader.worker_init_fn = init_fn
        # Workers that live on would go on tracing.
        loader._iterator = None


@contextmanager
def _trace_here(loader: DataLoader[Any], folder: str) -> Iterator[None]:
    """Time the fetches of a DataLoader without workers, inside of a `with` block."""
    make: Callable[..., Any] = _DatasetKind.create_fetcher
    timer = FetchTimer(folder, find_transforms)

    def make_timed(kind: Any, dataset: Any, *arguments: Any) -> Any:
        is_traced = dataset is loader.dataset and any(value is loader.collate_fn for value in arguments)
        return (timer.create_fetcher if is_traced else make)(kind, dataset, *arguments)

    _DatasetKind.create_fetcher = staticmethod(make_timed)  # type: ignore[method-assign]
    try:
        yield
    finally:
        _DatasetKind.create_fetcher = staticmethod(make)  # type: ignore[method-assign]
        timer.close()


@functools.cache
def _watch_forks() -> None:
    """Note the time of each fork of this process for the tracers, from now on."""

    def note() -> None:
        for tracer in tuple(_tracers):
            tracer.created_ns = time.perf_counter_ns()

    os.register_at_fork(before=note)


def _describe_inside(records: FetchRecords | None, batches: int, start_ns: int) -> dict[str, Any]:
    """Return the fields of a BatchTrace that tell how its batches were loaded.

    Args:
        records: records of the batches in the order of delivery; None where there are none.
        batches: number of batches.
        start_ns: reading of the clock at the start of the epoch.
    """
    if records is None:
        unknown = np.full(batches, np.nan)
        names = ("begun_s", "fetched_s", "ended_s", "cpu_s", "delayed_s")
        return {
            "worker": np.full(batches, IN_TRAINING_PROCESS, np.int64),
            **dict.fromkeys(names, unknown),
            "transform_s": np.empty((batches, 0)),
        }
    delayed_ns = records.column("delayed_ns")
    return {
        "worker": records.worker,
        "begun_s": _to_seconds(records.column("begun_ns") - start_ns),
        "fetched_s": _to_seconds(records.column("fetched_ns") - start_ns),
        "ended_s": _to_seconds(records.column("ended_ns") - start_ns),
        "cpu_s": _to_seconds(records.column("cpu_ns")),
        "delayed_s": np.where(delayed_ns == UNKNOWN, np.nan, _to_seconds(delayed_ns)),
        "transform_s": _to_seconds(records.transform_ns),
        "transforms": records.transforms,
    }


def _to_seconds(ns: np.ndarray) -> Floats:
    return ns.astype(np.float64) * 1e-9


def _make_plain(index: Any) -> int | str:
    """Return an index as a number, or as text where it isn't one."""
    try:
        return operator.index(index)
    except TypeError:
        return str(index)
