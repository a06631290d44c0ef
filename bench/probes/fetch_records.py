"""FetchRecords: what the processes that load batches have written of one epoch."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from bench.probes.worker_tracer import FIELDS, SUFFIX, UNKNOWN
from bench.records.batch_trace import WorkerStart


@dataclass(frozen=True)
class StartReadings:
    """Readings of the clock at the start of a worker, in nanoseconds.

    Attributes:
        worker: number of the worker.
        pid: its process.
        created_ns: right before its process was created; None where it isn't known.
        ready_ns: its loop begins.
    """

    worker: int
    pid: int
    created_ns: int | None
    ready_ns: int

    def since(self, start_ns: int) -> WorkerStart:
        """Return the start in seconds since the start of the epoch's clock."""
        created_s = None if self.created_ns is None else (self.created_ns - start_ns) * 1e-9
        return WorkerStart(self.worker, created_s, (self.ready_ns - start_ns) * 1e-9, self.pid)


@dataclass(frozen=True, eq=False)
class FetchRecords:
    """Records of the batches that were loaded in one epoch, by their tasks.

    Attributes:
        worker: number of the worker of each batch, or UNKNOWN for the training process (int64).
        values: values of the FIELDS of each batch, shape (batches, len(FIELDS)), int64.
        transforms: names of the transforms.
        transform_ns: nanoseconds in each transform, shape (batches, len(transforms)), int64; 0 for one that
            the batch's worker doesn't have. Those of a batch that wasn't timed are estimated.
        starts: starts of the workers.
    """

    worker: np.ndarray
    values: np.ndarray
    transforms: tuple[str, ...] = ()
    transform_ns: np.ndarray = field(default_factory=lambda: np.empty((0, 0), np.int64))
    starts: tuple[StartReadings, ...] = ()

    def column(self, name: str) -> np.ndarray:
        """Return the values of a field."""
        column: np.ndarray = self.values[:, FIELDS.index(name)]
        return column

    def pick(self, batches: int, tasks: Sequence[int] | None = None) -> FetchRecords | None:
        """Return the records of the batches that were delivered, in that order.

        Batches that were loaded ahead and never delivered are left out.

        Args:
            batches: number of batches that were delivered.
            tasks: their tasks; default None for the order of the tasks.

        Returns:
            The records; None where some are missing.
        """
        known = self.column("task")
        if len(known) < batches or UNKNOWN in known:
            return None
        order = np.argsort(known, kind="stable")
        if tasks is not None:
            if len(tasks) < batches or not np.isin(tasks, known).all():
                return None
            order = order[np.searchsorted(known[order], tasks)]
        order = order[:batches]
        return replace(
            self, worker=self.worker[order], values=self.values[order], transform_ns=self.transform_ns[order]
        )


def read_records(folder: Path, start_ns: int, end_ns: int) -> FetchRecords:
    """Read what was written of an epoch, and remove it with all that is older.

    Args:
        folder: folder of the records.
        start_ns: reading of the clock at the start of the epoch.
        end_ns: reading of the clock at its end.
    """
    files: dict[int, _File] = {}
    for path in folder.glob(f"*{SUFFIX}"):
        file = _read(path)
        if file.began_ns > end_ns:
            continue
        path.unlink()
        # A loop may begin the same DataLoader again inside of its epoch. The first pass is the epoch's.
        known = files.get(file.worker)
        if file.began_ns >= start_ns and (known is None or file.began_ns < known.began_ns):
            files[file.worker] = file
    return _join([files[worker] for worker in sorted(files)])


@dataclass(frozen=True)
class _File:
    """Records that one process has written in one epoch."""

    worker: int
    began_ns: int
    start: StartReadings | None
    transforms: tuple[str, ...]
    rows: np.ndarray


def _read(path: Path) -> _File:
    header_line, _, body = path.read_bytes().partition(b"\n")
    header = json.loads(header_line)
    worker, start, transforms = header["worker"], header["start"], tuple(header["transforms"])
    width = len(FIELDS) + len(transforms)
    # A worker that lives on may be about to write.
    whole = len(body) // (8 * width) * width
    rows = np.frombuffer(body, np.int64, whole).reshape(-1, width).copy()
    _fill_untimed(rows)
    readings = None if start is None else StartReadings(worker, header["pid"], **start)
    return _File(worker, header["began_ns"], readings, transforms, rows)


def _fill_untimed(rows: np.ndarray) -> None:
    """Estimate the time in transforms of batches in which it wasn't measured.

    A sample takes the mean of the worker's other samples, but not more than the fetch leaves. The first batch
    is cold, and left out where there are others.

    Args:
        rows: records of one process; changed.
    """
    transform_ns = rows[:, len(FIELDS) :]
    untimed = (transform_ns == UNKNOWN).any(axis=1)
    timed = np.flatnonzero(~untimed)
    if not untimed.any() or not len(timed):
        return
    samples = rows[:, FIELDS.index("samples")]
    timed = timed[1:] if len(timed) > 1 else timed
    sample_ns = transform_ns[timed].sum(axis=0) / samples[timed].sum()
    estimated_ns = samples[untimed, None] * sample_ns
    fetch_ns = (rows[:, FIELDS.index("fetched_ns")] - rows[:, FIELDS.index("begun_ns")])[untimed]
    most = fetch_ns / np.maximum(estimated_ns.sum(axis=1), 1)
    transform_ns[untimed] = estimated_ns * np.minimum(most, 1)[:, None]


def _join(files: Sequence[_File]) -> FetchRecords:
    """Join what the processes have written in the same epoch."""
    names = tuple(dict.fromkeys(name for file in files for name in file.transforms))
    counts = [len(file.rows) for file in files]
    worker = np.repeat(np.array([file.worker for file in files], np.int64), counts)
    values = np.empty((len(worker), len(FIELDS)), np.int64)
    transform_ns = np.zeros((len(worker), len(names)), np.int64)
    begin = 0
    for file, count in zip(files, counts, strict=True):
        rows = slice(begin, begin + count)
        values[rows] = file.rows[:, : len(FIELDS)]
        transform_ns[rows, [names.index(name) for name in file.transforms]] = file.rows[:, len(FIELDS) :]
        begin += count
    starts = tuple(file.start for file in files if file.start is not None)
    return FetchRecords(worker, values, names, transform_ns, starts)
