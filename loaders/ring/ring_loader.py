"""A loader that gathers rows of uint8 into a ring of buffers, which are written again and again.

What it reads lies in memory or is a mapped file; it knows no difference.
"""

from __future__ import annotations

import atexit
import os
import sys
import threading
import weakref
from collections.abc import Iterator
from typing import Protocol

import torch

from loaders.data.batch import Batch
from loaders.data.rows import Rows
from loaders.device.device_transform import DeviceTransform
from loaders.native import native
from loaders.ring.native_ring import NativeRing
from loaders.ring.slots import Slots
from loaders.ring.torch_ring import TorchRing

# Rows that are handed over at once, at least: to hand over costs a microsecond or two.
CHUNK = 256
# More than two threads beside the training thread gain little: memory is the limit.
MOST_THREADS = 2


class Ring(Protocol):
    """Chunks of an epoch, filled by any number of threads and taken by one, each in turn.

    A chunk that was taken stays as it is until the next but one is taken.
    """

    def begin(self, seed: int) -> None:
        """Begin an epoch, in an order that the seed decides."""

    def take(self, chunk: int) -> None:
        """Return once this chunk lies in its slot; meanwhile, fill some."""

    def help(self) -> None:
        """Fill chunks until the epoch ends: the work of a thread."""

    def stop(self) -> None:
        """Let those who help return."""


class RingLoader:
    """Batches out of a ring; each `iter()` is an epoch.

    A batch stays as it is until the second one after it is asked for, or the next epoch begins: then its
    memory is written again. Autograd notices where a graph still needs it; nothing else does. The tensors too
    come again: what is set on them (`requires_grad_`, a name) stays. copy: batches that last, each in memory
    of its own.

    threads: that fill the ring beside the training thread, which fills what isn't there in time itself; None
    for one on each core that torch's own threads leave free, but no more than two. prefetch: batches that
    they fill ahead. pin_memory: a ring in page-locked memory. raw: pictures as they are stored, uint8, for
    whoever scales them; not with a resize. Raises ValueError for numbers below those.
    """

    def __init__(
        self,
        rows: Rows,
        *,
        batch_size: int,
        resize: int | None = None,
        threads: int | None = None,
        prefetch: int = 2,
        pin_memory: bool = False,
        copy: bool = False,
        raw: bool = False,
        shuffle: bool = True,
        seed: int = 0,
    ) -> None:
        for name, value, least in (
            ("batch_size", batch_size, 1),
            ("resize", 1 if resize is None else resize, 1),
            ("threads", threads or 0, 0),
            ("prefetch", prefetch, 1),
        ):
            if value < least:
                raise ValueError(f"{name} is {value}, expected {least} or more")
        if raw and resize is not None:
            raise ValueError(
                f"resize is {resize} beside raw pictures, expected None: they are resized as float32"
            )
        self._rows = rows.narrowed()
        self._batch_size = batch_size
        self._resize = resize
        self._threads = idle_cores() if threads is None else threads
        self._prefetch = prefetch
        self._pin_memory = pin_memory
        self._copy = copy
        self._raw = raw
        self._shuffle = shuffle
        self._generator = torch.Generator().manual_seed(seed)
        self._idle: list[tuple[Slots, Ring]] = [self._ring()]

    @property
    def reuses_buffers(self) -> bool:
        """Whether the memory of a batch is written again: by the second batch after it."""
        return not self._copy

    @property
    def samples(self) -> int:
        """The number of samples of an epoch."""
        return len(self._rows.labels)

    @property
    def device_transform(self) -> DeviceTransform | None:
        """What is left to do to its pictures."""
        return DeviceTransform(None) if self._raw else None

    def __len__(self) -> int:
        """The number of batches of an epoch."""
        return -(-len(self._rows.labels) // self._batch_size)

    def __iter__(self) -> Iterator[Batch]:
        seed = int(torch.randint(2**62, (), generator=self._generator))
        # An epoch that is begun beside another one has a ring of its own.
        slots, ring = self._idle.pop() if self._idle else self._ring()
        batches = self._epoch(slots, ring, seed)
        return ((images.clone(), labels.clone()) for images, labels in batches) if self._copy else batches

    def _epoch(self, slots: Slots, ring: Ring, seed: int) -> Iterator[Batch]:
        samples, count = len(self._rows.labels), len(slots.owners)
        for slot in range(count):
            slots.mark_written(slot)
        try:
            ring.begin(seed)
            with _Helpers(ring, self._threads):
                for chunk in range(-(-samples // slots.chunk)):
                    ring.take(chunk)
                    # The chunk before the last one: from now on it is written over.
                    slots.mark_written((chunk - 2) % count)
                    yield from slots.of(chunk % count, min(slots.chunk, samples - chunk * slots.chunk))
        finally:
            self._idle.append((slots, ring))

    def _ring(self) -> tuple[Slots, Ring]:
        samples = len(self._rows.labels)
        batch_size = min(self._batch_size, samples)
        chunk_batches = max(1, CHUNK // batch_size)
        # The chunk in use and the one before it, and those that are filled meanwhile; no more than there are.
        count = 2 + (-(-self._prefetch // chunk_batches) if self._threads else 0)
        count = min(count, max(2, -(-samples // (chunk_batches * batch_size))))
        height, width = self._rows.images.shape[1:]
        side = (self._resize, self._resize) if self._resize else (height, width)
        chunk = chunk_batches * batch_size
        # Not as tensors of an inference, which threads that run none could not write.
        with torch.inference_mode(False):
            slots = Slots(count, chunk, batch_size, side, pin=self._pin_memory, raw=self._raw)
        kind = NativeRing if native().library else TorchRing
        return slots, kind(self._rows, slots, self._resize, shuffle=self._shuffle)


class _Helpers:
    """Threads that fill a ring while the context lasts."""

    def __init__(self, ring: Ring, count: int) -> None:
        self._ring = ring
        self._threads = [threading.Thread(target=ring.help, daemon=True) for _ in range(count)]

    def __enter__(self) -> None:
        _running.add(self)
        for thread in self._threads:
            thread.start()

    def __exit__(self, *_: object) -> None:
        self.end()

    def end(self) -> None:
        """Let them return, and wait for it."""
        self._ring.stop()
        for thread in self._threads:
            if thread.ident is not None and not sys.is_finalizing():
                thread.join()
        _running.discard(self)


# Epochs under way when the program ends: later than this, their threads could not return any more, and from
# Python 3.13 on whoever waited for one would wait for ever.
_running: weakref.WeakSet[_Helpers] = weakref.WeakSet()


@atexit.register
def _end_all() -> None:
    for helpers in list(_running):
        helpers.end()


def idle_cores(*, beside: int | None = None, most: int = MOST_THREADS) -> int:
    """The cores that threads leave free for others of this process, but no more than `most`.

    beside: how many threads those are; None for torch's own.
    """
    usable = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return min(most, max(0, usable - (torch.get_num_threads() if beside is None else beside)))
