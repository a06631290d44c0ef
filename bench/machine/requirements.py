"""Needs: what measuring with some loaders will ask of the machine."""

from __future__ import annotations

import mmap
import multiprocessing
import os
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields, replace
from typing import Any

# What PyTorch takes beside the batches, as counted at the least limits under which a DataLoader still ran.
# Descriptors: the training process's own; for each worker two ends of a queue and its end; for each batch
# those of its images and its labels, where descriptors are what is sent.
OWN_FILES, FILES_A_WORKER = 24, 3
FILES_A_BATCH = 2 if sys.platform == "linux" else 0
# Processes and threads, which Linux counts alike: a worker, two threads in it and one that feeds it.
OWN_TASKS, TASKS_A_WORKER = 12, 4
# OpenBLAS starts its threads when numpy is imported, and was built for no more.
MOST_BLAS_THREADS = 64
# Semaphores, a page of /dev/shm each: three a queue, of which there is one more than workers, and an event's.
SEMAPHORES_A_QUEUE, SEMAPHORES = 3, 5
SPARE_PAGES = 2
# Beside one more batch, whose pages may not be back yet: with that much more, no epoch was seen to fail.
SPARE_BYTES = 2**19
# Memory: the command with the process that trains; a worker that is forked, and one that imports torch.
OWN_BYTES, FORKED_BYTES, FRESH_BYTES = 1100 * 2**20, 60 * 2**20, 400 * 2**20
# The raw files, those made of them for other formats, and some room.
COPIES_OF_DATA = 4


@dataclass(frozen=True)
class Requirements:
    """The most that measuring will ask of the machine at once.

    shm_spare_bytes: what of /dev/shm it takes now and then beyond shm_bytes, by how processes happen to meet.
    open_files: of one process. processes: with threads. num_threads: torch's own; 0 for torch's default.
    asked_forkserver, asked_other: whether workers are started so.
    """

    workers: int = 0
    shm_bytes: int = 0
    shm_spare_bytes: int = 0
    open_files: int = OWN_FILES
    processes: int = OWN_TASKS
    memory_bytes: int = OWN_BYTES
    data_bytes: int = 0
    num_threads: int = 0
    asked_forkserver: bool = False
    asked_other: bool = False


def estimate_requirements(
    *,
    num_workers: int,
    batch_size: int,
    prefetch_factor: int | None = None,
    side: int = 28,
    stored_side: int = 28,
    samples: int = 60_000,
    start_method: str | None = None,
    num_threads: int = 0,
) -> Requirements:
    """What a DataLoader with these settings asks for, whose batches are float32 pictures and int64 labels.

    side, stored_side: of a picture in a batch, and in the data. None is PyTorch's or this Python's default.
    """
    blas_threads = min(os.cpu_count() or 1, MOST_BLAS_THREADS)
    needs = Requirements(
        data_bytes=COPIES_OF_DATA * samples * (stored_side**2 + 8),
        processes=OWN_TASKS + 2 * blas_threads,
        num_threads=num_threads,
    )
    sample_bytes = 4 * side**2
    if not num_workers:
        return replace(needs, memory_bytes=OWN_BYTES + 2 * batch_size * sample_bytes)
    method = start_method or multiprocessing.get_all_start_methods()[0]
    # All that workers load ahead, the batch that was just taken, and the one before it, which the training
    # process lets go of only then; but no more than an epoch has.
    ahead = num_workers * (prefetch_factor or 2) + 2
    batches, rest = divmod(samples, batch_size)
    most = [batch_size] * min(ahead, batches) + [rest] * (ahead > batches)
    shm_bytes = sum(_pages(size * sample_bytes) + _pages(size * 8) for size in most)
    semaphores = SEMAPHORES_A_QUEUE * (num_workers + 1) + SEMAPHORES
    forked = method == "fork"
    if not forked:
        # Workers that can't inherit the data get it through /dev/shm, all of them the same.
        shm_bytes += _pages(samples * stored_side**2) + _pages(samples * 8)
    return replace(
        needs,
        workers=num_workers,
        shm_bytes=shm_bytes + (semaphores + SPARE_PAGES) * mmap.PAGESIZE,
        shm_spare_bytes=min(batch_size, samples) * (sample_bytes + 8) + SPARE_BYTES,
        open_files=OWN_FILES + FILES_A_WORKER * num_workers + FILES_A_BATCH * ahead,
        processes=needs.processes + num_workers * (TASKS_A_WORKER + (0 if forked else blas_threads - 1)),
        memory_bytes=OWN_BYTES + shm_bytes + num_workers * (FORKED_BYTES if forked else FRESH_BYTES),
        asked_forkserver=method == "forkserver",
        asked_other=method != "forkserver",
    )


def estimate_all(
    knobs: Iterable[Mapping[str, Any]], *, samples: int, stored_side: int = 28, num_threads: int = 0
) -> Requirements:
    """The most that any of these loaders asks for, given by the values of their knobs; one runs at a time."""
    needs = [
        estimate_requirements(
            num_workers=values.get("num_workers") or 0,
            batch_size=values["batch_size"],
            prefetch_factor=values.get("prefetch_factor"),
            side=values.get("resize") or stored_side,
            stored_side=stored_side,
            samples=samples,
            start_method=values.get("multiprocessing_context"),
            num_threads=num_threads,
        )
        for values in knobs
    ]
    return Requirements(
        **{
            f.name: max(getattr(each, f.name) for each in needs or [Requirements()])
            for f in fields(Requirements)
        }
    )


def _pages(number: int) -> int:
    """So many bytes in whole pages."""
    return -(-number // mmap.PAGESIZE) * mmap.PAGESIZE
