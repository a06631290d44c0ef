"""A training whose parts take planned times, as a user's own file holds it. Times are for a whole batch."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import numpy as np
import torch
from pacing import SLEPT_S
from torch.utils.data import DataLoader, Dataset, Sampler, default_collate

BATCH_SIZE = 4
# Operations of a step that shares each of them between torch's threads, and the numbers that one adds up.
THREADED_OPERATIONS, NUMBERS = 50, 40_000
# A step that computes, for a training whose loop is fed by an own loader. A target's step takes no arguments.
BUSY_STEP_MS = 10.0


def pause(seconds: float, *, busy: bool = False) -> None:
    """Return a planned time after the entry.

    Args:
        seconds: length of the pause.
        busy: compute for so many CPU seconds instead of sleeping.
    """
    if busy:
        # By the CPU time of the thread: where others take the core, it lasts longer.
        end = time.thread_time() + seconds
        while time.thread_time() < end:
            pass
        return
    end = time.perf_counter() + seconds
    if seconds > SLEPT_S:
        time.sleep(seconds - SLEPT_S)
    while time.perf_counter() < end:
        pass


class Transform:
    """A transform that takes a planned time for each sample."""

    def __init__(self, batch_ms: float, *, busy: bool) -> None:
        """Plan the time of a whole batch."""
        self._seconds = batch_ms * 1e-3 / BATCH_SIZE
        self._busy = busy

    def __call__(self, sample: torch.Tensor) -> torch.Tensor:
        """Return another sample of the same form."""
        if self._seconds:
            pause(self._seconds, busy=self._busy)
        return sample + 1


class Crop(Transform):
    """The first of four transforms."""


class Flip(Transform):
    """The second of four transforms."""


class Colour(Transform):
    """The third of four transforms."""


class Normalize(Transform):
    """The last of four transforms."""


def make_transforms(slow: int, slow_ms: float, other_ms: float, *, busy: bool, nested: bool) -> Any:
    """Return four transforms in a row, of which one is slow.

    Args:
        slow: number of the slow one, from 1.
        slow_ms: milliseconds a batch in it.
        other_ms: milliseconds a batch in each of the others.
        busy: whether the slow one computes.
        nested: whether the second and the third lie in a row of their own.
    """
    from torchvision import transforms
    from torchvision.transforms import v2

    first, second, third, last = (
        kind(slow_ms if number == slow else other_ms, busy=busy and number == slow)
        for number, kind in enumerate((Crop, Flip, Colour, Normalize), start=1)
    )
    if nested:
        return transforms.Compose([first, transforms.Compose([second, third]), last])
    return v2.Compose([first, second, third, last])


class PlantedSamples(Dataset[torch.Tensor]):
    """A map-style dataset of planned times. Each sample differs each time, as by an augmentation.

    Attributes:
        samples: number of samples.
        fetch_ms: milliseconds a batch that its samples take.
        open_ms: milliseconds that the first sample of each process takes besides, as opening a file does.
        slow_ms: milliseconds that a slow sample takes besides.
        slow: indices of the slow samples.
        busy: whether samples compute instead of waiting.
        transform: takes each sample; None for none.
    """

    def __init__(self, samples: int, fetch_ms: float, *, busy: bool, transform: Any) -> None:
        """Plan the times."""
        self.samples = samples
        self.fetch_ms = fetch_ms
        self.open_ms = 0.0
        self.slow_ms = 0.0
        self.slow: frozenset[int] = frozenset()
        self.busy = busy
        self.transform = transform
        self._opened_by: int | None = None

    def __len__(self) -> int:
        return self.samples

    def __getitem__(self, index: int) -> torch.Tensor:
        # A file that was opened before a fork can't be read by both processes.
        if self.open_ms and self._opened_by != os.getpid():
            self._opened_by = os.getpid()
            pause(self.open_ms * 1e-3)
        if index in self.slow:
            pause(self.slow_ms * 1e-3)
        if self.fetch_ms:
            pause(self.fetch_ms * 1e-3 / BATCH_SIZE, busy=self.busy)
        sample = index + torch.rand(8)
        return sample if self.transform is None else self.transform(sample)


class Annotations:
    """An object that takes a planned time to be read from a pipe, as one of many small parts does."""

    def __init__(self, unpickle_ms: float) -> None:
        """Plan the time."""
        self._unpickle_ms = unpickle_ms

    def __setstate__(self, state: dict[str, float]) -> None:
        self.__dict__.update(state)
        pause(self._unpickle_ms * 1e-3)

    def __deepcopy__(self, memo: dict[int, Any]) -> Annotations:
        del memo
        return self


class Batch(NamedTuple):
    """A batch that moves itself to a device.

    Attributes:
        samples: float32 (BATCH_SIZE, 8).
        extra: annotations, or an array uint8 (BATCH_SIZE, n) that isn't a tensor; None for none.
        transfer_ms: milliseconds that its transfer takes.
    """

    samples: torch.Tensor
    extra: Any
    transfer_ms: float

    def to(self, device: str) -> Batch:
        """Return the batch, as if it had been copied to the device."""
        del device
        pause(self.transfer_ms * 1e-3)
        return self


class Collate:
    """A collate function that takes a planned time for each batch."""

    def __init__(self, collate_ms: float, *, busy: bool, extra: Any, transfer_ms: float) -> None:
        """Plan the time.

        Args:
            collate_ms: milliseconds a batch.
            busy: compute instead of waiting.
            extra: goes with each batch; None for none.
            transfer_ms: milliseconds of each batch's transfer.
        """
        self._seconds = collate_ms * 1e-3
        self._busy = busy
        self._extra = extra
        self._transfer_ms = transfer_ms

    def __call__(self, samples: list[torch.Tensor]) -> Any:
        """Return the samples as one batch."""
        if self._seconds:
            pause(self._seconds, busy=self._busy)
        batch = default_collate(samples)
        if self._extra is None and not self._transfer_ms:
            return batch
        return Batch(batch, self._extra, self._transfer_ms)


class Order(Sampler[int]):
    """A sampler of the stored order that takes a planned time to name the samples of each batch."""

    def __init__(self, samples: int, order_ms: float, *, busy: bool) -> None:
        """Plan the time of a whole batch."""
        self._samples = samples
        self._seconds = order_ms * 1e-3 / BATCH_SIZE
        self._busy = busy

    def __len__(self) -> int:
        return self._samples

    def __iter__(self) -> Iterator[int]:
        for index in range(self._samples):
            pause(self._seconds, busy=self._busy)
            yield index


class StartUp:
    """A worker_init_fn that takes a planned time in each worker."""

    def __init__(self, start_ms: float, *, busy: bool) -> None:
        """Plan the time."""
        self._seconds = start_ms * 1e-3
        self._busy = busy

    def __call__(self, worker: int) -> None:
        """Take the time."""
        del worker
        pause(self._seconds, busy=self._busy)


def list_slow(samples: int, number: int) -> frozenset[int]:
    """Return the indices of slow samples, spread evenly."""
    return frozenset(round((place + 0.6) * samples / number) for place in range(number))


def make_planted(  # noqa: PLR0913
    batches: int = 40,
    num_workers: int = 2,
    prefetch_factor: int = 2,
    persistent: bool = True,
    shuffle: bool = False,
    busy: bool = False,
    order_ms: float = 0.0,
    fetch_ms: float = 0.0,
    slow_transform: int = 0,
    transform_ms: float = 0.0,
    other_ms: float = 0.0,
    nested: bool = False,
    collate_ms: float = 0.0,
    unpickle_ms: float = 0.0,
    payload_mb: int = 0,
    transfer_ms: float = 0.0,
    start_ms: float = 0.0,
    open_ms: float = 0.0,
    slow_samples: int = 0,
    slow_ms: float = 0.0,
    context: str = "",
) -> DataLoader[torch.Tensor]:
    """Return a DataLoader whose parts take their planned times."""
    transform = None
    if slow_transform:
        transform = make_transforms(slow_transform, transform_ms, other_ms, busy=busy, nested=nested)
    dataset = PlantedSamples(batches * BATCH_SIZE, fetch_ms, busy=busy, transform=transform)
    dataset.open_ms = open_ms
    dataset.slow_ms = slow_ms
    if slow_samples:
        dataset.slow = list_slow(dataset.samples, slow_samples)
    extra: Any = Annotations(unpickle_ms) if unpickle_ms else None
    if payload_mb:
        extra = np.zeros((BATCH_SIZE, payload_mb * 2**20 // BATCH_SIZE), np.uint8)
    collate = Collate(collate_ms, busy=busy, extra=extra, transfer_ms=transfer_ms)
    sampler = Order(dataset.samples, order_ms, busy=busy) if order_ms else None
    if not num_workers:
        return DataLoader(dataset, BATCH_SIZE, shuffle=shuffle, sampler=sampler, collate_fn=collate)
    return DataLoader(
        dataset,
        BATCH_SIZE,
        shuffle=shuffle,
        sampler=sampler,
        collate_fn=collate,
        num_workers=num_workers,
        prefetch_factor=prefetch_factor,
        persistent_workers=persistent,
        worker_init_fn=StartUp(start_ms, busy=busy) if start_ms else None,
        multiprocessing_context=context or None,
    )


def make_threaded_step() -> Callable[[Any], None]:
    """Return a step of many short operations, each of which waits for all of torch's threads."""
    total, added = torch.zeros(NUMBERS), torch.ones(NUMBERS)

    def step(batch: Any) -> None:
        del batch
        for _ in range(THREADED_OPERATIONS):
            total.add_(added)

    return step


def make_busy_step() -> Callable[[Any], None]:
    """Return a step that computes for BUSY_STEP_MS."""

    def step(batch: Any) -> None:
        del batch
        pause(BUSY_STEP_MS * 1e-3, busy=True)

    return step
