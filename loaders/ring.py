"""A loader that gathers rows of uint8 into a ring of buffers, which are written again and again.

What it reads lies in memory or is a mapped file; it knows no difference.
"""

from __future__ import annotations

import atexit
import ctypes
import os
import sys
import threading
import weakref
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch.autograd.graph import increment_version

from loaders.native import Plan, Side, native
from loaders.resize import resize, weights
from loaders.spec import Batch

# Rows that are handed over at once, at least: to hand over costs a microsecond or two.
CHUNK = 256
# More than two threads beside the training thread gain little: memory is the limit.
MOST_THREADS = 2
_BLOCK = 16  # as in ring.c
# Chunks whose rows a disk is asked for ahead: enough for its queue.
_ASK_AHEAD = 8


@dataclass(frozen=True)
class Rows:
    """What is gathered. images: uint8 (N, H, W), contiguous. labels: int64 (N,), or narrower.

    ask: whether the images are a file larger than memory, whose rows the system is asked for before their
    turn. Raises ValueError for anything else: what is gathered is read as it lies in memory.
    """

    images: torch.Tensor
    labels: torch.Tensor
    ask: bool = False

    def __post_init__(self) -> None:
        images, labels = self.images, self.labels
        if images.dtype != torch.uint8 or images.dim() != 3 or images.numel() == 0:
            raise ValueError(f"images: found {_form(images)}, expected uint8 (N, H, W), none of them 0")
        if images.device.type != "cpu" or labels.device.type != "cpu":
            raise ValueError(f"rows on {images.device} and {labels.device}, expected the CPU's memory")
        if not images.is_contiguous():
            raise ValueError("images that are not contiguous: give images.contiguous()")
        whole = not (labels.is_floating_point() or labels.is_complex() or labels.dtype == torch.bool)
        if not whole or labels.shape != images.shape[:1]:
            raise ValueError(f"labels: found {_form(labels)}, expected whole numbers ({len(images)},)")

    def narrowed(self) -> Rows:
        """The same with labels in as few bytes as they need: at random, of millions each costs a look-up."""
        lowest, highest = int(self.labels.min()), int(self.labels.max())
        for dtype in (torch.uint8, torch.int16, torch.int32):
            if torch.iinfo(dtype).min <= lowest <= highest <= torch.iinfo(dtype).max:
                # numpy asks for huge pages.
                return replace(self, labels=torch.from_numpy(self.labels.to(dtype).numpy().copy()))
        return replace(self, labels=self.labels.to(torch.int64).contiguous())


def _form(tensor: torch.Tensor) -> str:
    return f"{str(tensor.dtype).removeprefix('torch.')} {tuple(tensor.shape)}"


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


class Slots:
    """The ring's memory. images: float32 (slots, chunk, 1, H, W). labels: int64 (slots, chunk).

    batches: for each slot, its batches, which share its memory. owners: for each slot, the tensor whose
    version autograd compares.
    """

    def __init__(self, count: int, chunk: int, batch_size: int, side: tuple[int, int], *, pin: bool) -> None:
        shape = (count, chunk, 1, *side)
        # numpy asks for huge pages; and memory that was never written comes as a page after another, slowly.
        images = (
            torch.zeros(shape, dtype=torch.float32, pin_memory=True)
            if pin
            else torch.from_numpy(np.empty(shape, np.float32))
        )
        images.zero_()
        labels = torch.zeros((count, chunk), dtype=torch.int64, pin_memory=pin)
        self.images: NDArray[np.float32] = images.numpy()
        self.labels: NDArray[np.int64] = labels.numpy()
        self.chunk = chunk
        self._keep = images, labels
        # Through numpy, since tensors made from one tensor share its version: a batch in use would seem
        # changed whenever another one is.
        self.owners = [torch.from_numpy(slot) for slot in self.images]
        numbers = [torch.from_numpy(slot) for slot in self.labels]
        self._batch_size = batch_size
        self.batches = [self._split(*slot, chunk) for slot in zip(self.owners, numbers, strict=True)]
        self._numbers = numbers

    def of(self, slot: int, samples: int) -> list[Batch]:
        """The batches of a slot that holds so many samples."""
        if samples == self.chunk:
            return self.batches[slot]
        return self._split(self.owners[slot], self._numbers[slot], samples)

    def mark_written(self, slot: int) -> None:
        """Have autograd know that a slot is written over, which its memory alone doesn't tell."""
        increment_version(self.owners[slot])
        increment_version(self._numbers[slot])

    def _split(self, images: torch.Tensor, labels: torch.Tensor, samples: int) -> list[Batch]:
        size = self._batch_size
        return list(
            zip(torch.split(images[:samples], size), torch.split(labels[:samples], size), strict=True)
        )


class RingLoader:
    """Batches out of a ring; each `iter()` is an epoch.

    A batch stays as it is until the second one after it is asked for, or the next epoch begins: then its
    memory is written again. Autograd notices where a graph still needs it; nothing else does. The tensors too
    come again: what is set on them (`requires_grad_`, a name) stays. copy: batches that last, each in memory
    of its own.

    threads: that fill the ring beside the training thread, which fills what isn't there in time itself; None
    for one on each core that torch's own threads leave free, but no more than two. prefetch: batches that
    they fill ahead. pin_memory: a ring in page-locked memory. Raises ValueError for numbers below those.
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
        self._rows = rows.narrowed()
        self._batch_size = batch_size
        self._resize = resize
        self._threads = idle_cores() if threads is None else threads
        self._prefetch = prefetch
        self._pin_memory = pin_memory
        self._copy = copy
        self._shuffle = shuffle
        self._generator = torch.Generator().manual_seed(seed)
        self._idle: list[tuple[Slots, Ring]] = [self._ring()]

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
        together = max(1, CHUNK // batch_size)
        # The chunk in use and the one before it, and those that are filled meanwhile; no more than there are.
        count = 2 + (-(-self._prefetch // together) if self._threads else 0)
        count = min(count, max(2, -(-samples // (together * batch_size))))
        height, width = self._rows.images.shape[1:]
        side = (self._resize, self._resize) if self._resize else (height, width)
        chunk = together * batch_size
        # Not as tensors of an inference, which threads that run none could not write.
        with torch.inference_mode(False):
            slots = Slots(count, chunk, batch_size, side, pin=self._pin_memory)
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


def idle_cores() -> int:
    """The cores that torch's own threads leave free for others of this process, two at most."""
    usable = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return min(MOST_THREADS, max(0, usable - torch.get_num_threads()))


class NativeRing:
    """The ring of `ring.c`: its threads fill chunks without Python, and wait for each other without it."""

    def __init__(self, rows: Rows, slots: Slots, resize: int | None, *, shuffle: bool) -> None:
        library = native().library
        assert library is not None
        self._library = library
        height, width = rows.images.shape[1:]
        order = np.empty(len(rows.labels), np.int64) if shuffle else None
        ready = np.zeros(len(slots.owners), np.int64)
        sides, kept = _sides(height, width, resize) if resize else ((Side(), Side()), [])
        # What the library reads and writes stays as long as this ring does.
        self._kept = rows, slots, order, ready, kept
        plan = Plan(
            samples=len(rows.labels),
            pixels=height * width,
            chunk=slots.chunk,
            slots=len(slots.owners),
            images=rows.images.data_ptr(),
            labels=rows.labels.data_ptr(),
            order=None if order is None else order.ctypes.data,
            out=slots.images.ctypes.data,
            out_labels=slots.labels.ctypes.data,
            ready=ready.ctypes.data,
            rows=sides[0],
            columns=sides[1],
            label_bytes=rows.labels.itemsize,
            ask=_ASK_AHEAD if rows.ask else 0,
        )
        self._ring = library.ring_open(ctypes.byref(plan))
        self._check(0 if self._ring else -1)
        # Once looked up, as it is called for every chunk.
        self._take = library.ring_take

    def begin(self, seed: int) -> None:
        self._check(self._library.ring_begin(self._ring, seed))

    def take(self, chunk: int) -> None:
        if self._take(self._ring, chunk):
            self._check(-1)

    def help(self) -> None:
        self._library.ring_help(self._ring)

    def stop(self) -> None:
        self._library.ring_stop(self._ring)

    def _check(self, code: int) -> None:
        if code:
            raise MemoryError("ring.c: no memory")

    def __del__(self) -> None:
        if getattr(self, "_ring", None):
            self._library.ring_close(self._ring)


def _sides(height: int, width: int, side: int) -> tuple[tuple[Side, Side], list[NDArray[np.generic]]]:
    """The sides of a resize as ring.c wants them, and the arrays they point to."""
    rows: NDArray[np.float32] = weights(height, side).numpy()
    blocks = -(-side // _BLOCK)
    columns = np.zeros((blocks * _BLOCK, width), np.float32)
    columns[:side] = weights(width, side).numpy()
    columns = np.ascontiguousarray(columns.reshape(blocks, _BLOCK, width).transpose(0, 2, 1))
    spans = [_spans(rows != 0), _spans((columns != 0).any(axis=2))]
    kept: list[NDArray[np.generic]] = [rows, columns, *spans[0], *spans[1]]
    made = [
        Side(inputs, side, low.ctypes.data, high.ctypes.data, matrix.ctypes.data)
        for inputs, (low, high), matrix in zip((height, width), spans, (rows, columns), strict=True)
    ]
    return (made[0], made[1]), kept


def _spans(used: NDArray[np.bool_]) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    """The first and the end of the columns that each row uses."""
    low = used.argmax(axis=1).astype(np.int32)
    return low, (used.shape[1] - used[:, ::-1].argmax(axis=1)).astype(np.int32)


class TorchRing:
    """The same by torch's operations, which let go of the GIL while they work: for where no compiler is."""

    def __init__(self, rows: Rows, slots: Slots, resize: int | None, *, shuffle: bool) -> None:
        self._rows = rows
        self._resize = resize
        self._images = [torch.from_numpy(slot) for slot in slots.images[:, :, 0]]
        self._labels = [torch.from_numpy(slot) for slot in slots.labels]
        self._chunk = slots.chunk
        self._chunks = -(-len(rows.labels) // slots.chunk)
        self._order = torch.arange(len(rows.labels))
        self._shuffle = shuffle
        self._scratch = threading.local()
        self._changed = threading.Condition()
        self._next = self._released = 0
        self._ready = [0] * len(self._images)
        self._stopped = False
        self._error: Exception | None = None

    def begin(self, seed: int) -> None:
        if self._shuffle:
            torch.randperm(len(self._order), generator=torch.Generator().manual_seed(seed), out=self._order)
        self._next = self._released = 0
        self._ready = [0] * len(self._images)
        self._stopped = False
        self._error = None

    def take(self, chunk: int) -> None:
        with self._changed:
            self._released = max(0, chunk - 1)
            self._changed.notify_all()
        while not self._is_ready(chunk):
            if not self._fill_one():
                with self._changed:
                    self._changed.wait_for(lambda: self._is_ready(chunk))

    def help(self) -> None:
        try:
            while not self._ended():
                if not self._fill_one():
                    with self._changed:
                        self._changed.wait_for(lambda: self._ended() or self._is_free())
        except Exception as error:
            # Whoever waits for what this thread had begun would wait for ever.
            with self._changed:
                self._error = error
                self._changed.notify_all()

    def _is_ready(self, chunk: int) -> bool:
        if self._error is not None:
            raise self._error
        return self._ready[chunk % len(self._ready)] == chunk + 1

    def stop(self) -> None:
        with self._changed:
            self._stopped = True
            self._changed.notify_all()

    def _ended(self) -> bool:
        return self._stopped or self._next >= self._chunks

    def _is_free(self) -> bool:
        return self._next < min(self._chunks, self._released + len(self._ready))

    def _fill_one(self) -> bool:
        """Fill the next chunk if there is one and its slot is free; whether there was."""
        with self._changed:
            if not self._is_free():
                return False
            chunk = self._next
            self._next += 1
        slot = chunk % len(self._ready)
        numbers = self._order[chunk * self._chunk : (chunk + 1) * self._chunk]
        self._gather(numbers, self._images[slot][: len(numbers)])
        self._labels[slot][: len(numbers)].copy_(self._rows.labels.index_select(0, numbers))
        with self._changed:
            self._ready[slot] = chunk + 1
            self._changed.notify_all()
        return True

    def _gather(self, numbers: torch.Tensor, out: torch.Tensor) -> None:
        side = self._rows.images.shape[1:]
        if not hasattr(self._scratch, "raw"):
            self._scratch.raw = torch.empty((self._chunk, *side), dtype=torch.uint8)
            self._scratch.scaled = torch.empty((self._chunk, *side), dtype=torch.float32)
        raw = torch.index_select(self._rows.images, 0, numbers, out=self._scratch.raw[: len(numbers)])
        if self._resize is None:
            out.copy_(raw).div_(255)
        else:
            resize(self._scratch.scaled[: len(numbers)].copy_(raw).div_(255), self._resize, out)
