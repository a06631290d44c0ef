"""MachineCosts: what this machine takes for workers and pipes, which no plan can say."""

from __future__ import annotations

import statistics
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from multiprocessing.context import BaseContext
from pathlib import Path
from typing import Any

import numpy as np
from torch.utils.data import DataLoader

from bench.process.fresh_process import FreshProcess
from bench.process.running_clock import read_running_s

TIMEOUT_S = 60.0
REPEATS = 5
WORKERS = 8
# Batches of one array, as large as those of the plants.
ARRAY_MB, ARRAYS = 16, 12


@dataclass(frozen=True)
class MachineCosts:
    """Times that this machine takes for workers and pipes, in milliseconds.

    Attributes:
        worker_ms: starting a worker and ending it.
        pipe_ms: reading one MiB from the pipe of a worker, unpickling included.
    """

    worker_ms: float
    pipe_ms: float


def measure_costs(context: BaseContext) -> MachineCosts:
    """Measure the costs in a process of its own, as the trials are measured.

    Raises:
        ProcessError: the process failed.
        TimeoutError: it took too long.
    """
    with tempfile.TemporaryDirectory() as folder:
        log = Path(folder) / "log"
        with FreshProcess(_measure, context=context, log=log, title="costs of the machine") as process:
            return process.take(read_running_s() + TIMEOUT_S)


def _measure() -> Iterator[MachineCosts]:
    _run_epoch(WORKERS, 0)
    many_s, two_s = (
        statistics.median(_run_epoch(workers, 0) for _ in range(REPEATS)) for workers in (WORKERS, 2)
    )
    large_s = statistics.median(_run_epoch(2, ARRAY_MB) for _ in range(REPEATS))
    yield MachineCosts(
        worker_ms=max(0.0, many_s - two_s) / (WORKERS - 2) * 1e3,
        pipe_ms=max(0.0, large_s - two_s) / (ARRAYS * ARRAY_MB) * 1e3,
    )


def _run_epoch(workers: int, megabytes: int) -> float:
    """Return the seconds of an epoch of batches that are there already."""
    loader = _make_loader(workers, megabytes)
    began_s = time.perf_counter()
    for _ in loader:
        pass
    return time.perf_counter() - began_s


def _make_loader(workers: int, megabytes: int) -> DataLoader[Any]:
    batches: Any = Arrays(megabytes)
    # PyTorch's own collate function would make a tensor of the array, which crosses in shared memory.
    return DataLoader(batches, batch_size=None, num_workers=workers, collate_fn=_keep)


class Arrays:
    """A map-style dataset that returns the same array for each index. An array crosses the pipe pickled."""

    def __init__(self, megabytes: int) -> None:
        """Make the array."""
        self._array = np.zeros(megabytes * 2**20, np.uint8)

    def __len__(self) -> int:
        return ARRAYS

    def __getitem__(self, index: int) -> Any:
        return self._array


def _keep(batch: Any) -> Any:
    return batch
