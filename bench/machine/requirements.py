"""Requirements: what measuring with some loaders takes of the machine."""

from __future__ import annotations

import mmap
import multiprocessing
import os
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields, replace
from typing import Any

from typing_extensions import Self

# What PyTorch takes beside the batches, counted at the lowest limits under which a DataLoader still ran.
# Open files: those of the training process; for each worker both ends of a queue and one end of its own; for
# each batch one for its images and one for its labels, on Linux.
OWN_FILES, FILES_A_WORKER = 24, 3
FILES_A_BATCH = 2 if sys.platform == "linux" else 0
# Processes and threads, which Linux counts alike: a worker, its two threads, and one thread that feeds it.
OWN_TASKS, TASKS_A_WORKER = 12, 4
# numpy's OpenBLAS starts this many threads at most, as soon as it is imported.
MAX_BLAS_THREADS = 64
# Semaphores take a page of /dev/shm each. A queue has three, and there is one queue more than workers. An
# event has five.
SEMAPHORES_A_QUEUE, SEMAPHORES = 3, 5
SPARE_PAGES = 2
# Spare room in /dev/shm beside that for one more batch, whose pages may not be free yet. No epoch failed so.
SPARE_BYTES = 2**19
# Memory: the command with the training process, a forked worker, and a worker that imports torch.
OWN_BYTES, FORKED_BYTES, FRESH_BYTES = 1100 * 2**20, 60 * 2**20, 400 * 2**20
# The raw files, those that are made of them for other formats, and spare room.
COPIES_OF_DATA = 4
LABEL_BYTES = 8


@dataclass(frozen=True)
class Requirements:
    """The most that measuring takes of the machine at once.

    Attributes:
        workers: number of worker processes.
        shm_bytes: room in /dev/shm, in bytes.
        shm_spare_bytes: room in /dev/shm that is taken now and then beyond `shm_bytes`, in bytes.
        open_files: number of files that one process has open.
        processes: number of processes and threads.
        memory_bytes: memory of all processes, in bytes.
        data_bytes: room for the data, in bytes.
        num_threads: number of torch's threads; 0 for torch's default.
        asked_forkserver: some workers are started by forkserver.
        asked_other: some workers are started in another way.
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


@dataclass(frozen=True)
class StoredPictures:
    """Pictures as a dataset stores them: one byte a pixel, and a label each.

    Attributes:
        samples: number of pictures.
        height: height of a picture, in pixels.
        width: width of a picture, in pixels.
    """

    samples: int = 60_000
    height: int = 28
    width: int = 28


@dataclass(frozen=True)
class LoaderSettings:
    """Settings of a loader that decide what it takes, under PyTorch's names.

    Attributes:
        batch_size: number of samples in a batch.
        num_workers: number of worker processes.
        prefetch_factor: number of batches that each worker loads ahead; None for PyTorch's default.
        multiprocessing_context: start method of the workers; None for Python's default.
        resize: side in pixels that pictures are resized to; None keeps their size.
    """

    batch_size: int = 1
    num_workers: int = 0
    prefetch_factor: int | None = None
    multiprocessing_context: str | None = None
    resize: int | None = None

    @classmethod
    def from_knobs(cls, knobs: Mapping[str, Any]) -> Self:
        """Take the settings from the values of a loader's knobs. A loader without a knob has its default."""
        known = {field.name: knobs[field.name] for field in fields(cls) if field.name in knobs}
        counts = {"batch_size": known.get("batch_size") or 1, "num_workers": known.get("num_workers") or 0}
        return cls(**{**known, **counts})


def estimate_requirements(
    settings: LoaderSettings, pictures: StoredPictures = StoredPictures(), *, num_threads: int = 0
) -> Requirements:
    """Estimate what a DataLoader takes whose batches hold pictures of float32 and labels of int64.

    Args:
        settings: settings of the DataLoader.
        pictures: its dataset.
        num_threads: number of torch's threads; 0 for torch's default.
    """
    stored_bytes = pictures.height * pictures.width
    sample_bytes = 4 * (stored_bytes if settings.resize is None else settings.resize**2)
    blas_threads = min(os.cpu_count() or 1, MAX_BLAS_THREADS)
    needs = Requirements(
        data_bytes=COPIES_OF_DATA * pictures.samples * (stored_bytes + LABEL_BYTES),
        processes=OWN_TASKS + 2 * blas_threads,
        num_threads=num_threads,
    )
    workers = settings.num_workers
    if not workers:
        return replace(needs, memory_bytes=OWN_BYTES + 2 * settings.batch_size * sample_bytes)
    method = settings.multiprocessing_context or multiprocessing.get_all_start_methods()[0]
    forked = method == "fork"
    batches = _list_waiting_batches(settings, pictures.samples)
    shm_bytes = sum(_round_up(size * sample_bytes) + _round_up(size * LABEL_BYTES) for size in batches)
    if not forked:
        # Workers that can't inherit the data share one copy of it in /dev/shm.
        shm_bytes += _round_up(pictures.samples * stored_bytes) + _round_up(pictures.samples * LABEL_BYTES)
    semaphores = SEMAPHORES_A_QUEUE * (workers + 1) + SEMAPHORES
    return replace(
        needs,
        workers=workers,
        shm_bytes=shm_bytes + (semaphores + SPARE_PAGES) * mmap.PAGESIZE,
        shm_spare_bytes=min(settings.batch_size, pictures.samples) * (sample_bytes + LABEL_BYTES)
        + SPARE_BYTES,
        open_files=OWN_FILES + FILES_A_WORKER * workers + FILES_A_BATCH * count_waiting_batches(settings),
        processes=needs.processes + workers * (TASKS_A_WORKER + (0 if forked else blas_threads - 1)),
        memory_bytes=OWN_BYTES + shm_bytes + workers * (FORKED_BYTES if forked else FRESH_BYTES),
        asked_forkserver=method == "forkserver",
        asked_other=method != "forkserver",
    )


def estimate_all(
    loaders: Iterable[LoaderSettings], pictures: StoredPictures, *, num_threads: int = 0
) -> Requirements:
    """Estimate the most that any of these loaders takes. One runs at a time.

    Args:
        loaders: settings of the loaders.
        pictures: their dataset.
        num_threads: number of torch's threads; 0 for torch's default.
    """
    needs = [estimate_requirements(settings, pictures, num_threads=num_threads) for settings in loaders]
    needs = needs or [Requirements()]
    return Requirements(
        **{f.name: max(getattr(each, f.name) for each in needs) for f in fields(Requirements)}
    )


def estimate_for_batches(
    loaders: Iterable[LoaderSettings], batch_bytes: int, *, num_threads: int = 0
) -> Requirements:
    """Estimate the most that any of some DataLoaders takes whose batches have a known size.

    Args:
        loaders: settings of the loaders.
        batch_bytes: bytes of a batch.
        num_threads: number of torch's threads; 0 for torch's default.
    """
    # A batch of so many bytes, as a picture of one row; as many of them as wait at once.
    single = [replace(settings, batch_size=1, resize=None) for settings in loaders]
    waiting = max(map(count_waiting_batches, single), default=1)
    pictures = StoredPictures(samples=waiting, height=1, width=-(-batch_bytes // 4))
    # The data are the user's own, and in place.
    return replace(estimate_all(single, pictures, num_threads=num_threads), data_bytes=0)


def count_waiting_batches(settings: LoaderSettings) -> int:
    """Return how many batches wait at once: those loaded ahead, the one just taken, and the one before it.

    The training process frees a batch only once it has taken the next one.
    """
    return settings.num_workers * (settings.prefetch_factor or 2) + 2


def _list_waiting_batches(settings: LoaderSettings, samples: int) -> list[int]:
    """Return the sizes of batches that wait at once, no more than an epoch has."""
    most = count_waiting_batches(settings)
    whole, rest = divmod(samples, settings.batch_size)
    return [settings.batch_size] * min(most, whole) + [rest] * (most > whole)


def _round_up(number: int) -> int:
    """Return a number of bytes, rounded up to whole pages."""
    return -(-number // mmap.PAGESIZE) * mmap.PAGESIZE
