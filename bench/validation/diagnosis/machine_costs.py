"""MachineCosts: what this machine takes for workers and pipes, which no plan can say."""

from __future__ import annotations

import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from multiprocessing.context import BaseContext
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch.utils.data import DataLoader

from bench.process.fresh_process import FreshProcess
from bench.process.running_clock import read_running_s
from bench.validation.own_case import FOLDER

TIMEOUT_S = 60.0
REPEATS = 5
WORKERS = 8
# Batches of one array, as large as those of the plants.
ARRAY_MB, ARRAYS = 16, 12
# Workers that aren't forked take seconds, mostly for imports.
CONTEXT, IMPORTS = "spawn", 2
# Batches and epochs of a step beside busy workers.
BATCHES, EPOCHS = 96, 3


@dataclass(frozen=True)
class MachineCosts:
    """Times that this machine takes for workers and pipes, in milliseconds.

    Attributes:
        worker_ms: starting a worker and ending it.
        pipe_ms: reading one MiB from the pipe of a worker, unpickling included.
        import_ms: time that a worker takes longer which isn't forked, since it imports torch.
        threaded_step_ms: the planted step of short operations with one thread, beside busy workers.
        crowd_ms: time that it takes more with torch's own number of threads.
    """

    worker_ms: float
    pipe_ms: float
    import_ms: float = 0.0
    threaded_step_ms: float = 0.0
    crowd_ms: float = 0.0


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
    imported_s = statistics.median(_run_epoch(2, 0, CONTEXT) for _ in range(IMPORTS))
    large_s = statistics.median(_run_epoch(2, ARRAY_MB) for _ in range(REPEATS))
    yield MachineCosts(
        worker_ms=max(0.0, many_s - two_s) / (WORKERS - 2) * 1e3,
        pipe_ms=max(0.0, large_s - two_s) / (ARRAYS * ARRAY_MB) * 1e3,
        import_ms=max(0.0, imported_s - two_s) * 1e3,
        **_measure_threads(),
    )


def _measure_threads() -> dict[str, float]:
    """Measure the planted step with one thread, and with torch's own number, each beside busy workers."""
    sys.path.insert(0, str(FOLDER))
    from planted import make_planted, make_threaded_step

    step, several = make_threaded_step(), torch.get_num_threads()
    steps_ms: dict[int, list[float]] = {1: [], several: []}
    loader = make_planted(batches=BATCHES, busy=True, fetch_ms=4)
    # Epochs in turn, so that others disturb both alike. In the first one the workers start.
    for _ in range(EPOCHS + 1):
        for threads, found in steps_ms.items():
            torch.set_num_threads(threads)
            found.append(_time_steps(loader, step) / BATCHES * 1e3)
    one_ms, several_ms = (statistics.mean(steps_ms[threads][1:]) for threads in (1, several))
    return {"threaded_step_ms": one_ms, "crowd_ms": max(0.0, several_ms - one_ms)}


def _time_steps(loader: Iterable[Any], step: Callable[[Any], None]) -> float:
    """Return the seconds of all steps of an epoch."""
    total_s = 0.0
    for batch in loader:
        began_s = time.perf_counter()
        step(batch)
        total_s += time.perf_counter() - began_s
    return total_s


def _run_epoch(workers: int, megabytes: int, context: str | None = None) -> float:
    """Return the seconds of an epoch of batches that are there already."""
    loader = _make_loader(workers, megabytes, context)
    began_s = time.perf_counter()
    for _ in loader:
        pass
    return time.perf_counter() - began_s


def _make_loader(workers: int, megabytes: int, context: str | None = None) -> DataLoader[Any]:
    batches: Any = Arrays(megabytes)
    # PyTorch's own collate function would make a tensor of the array, which crosses in shared memory.
    return DataLoader(
        batches, batch_size=None, num_workers=workers, collate_fn=_keep, multiprocessing_context=context
    )


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
