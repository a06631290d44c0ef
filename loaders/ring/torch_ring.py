"""TorchRing: a ring that is filled by torch's operations."""

from __future__ import annotations

import threading

import torch

from loaders.data.rows import Rows
from loaders.device.resize import resize
from loaders.ring.slots import Slots


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
        if out.dtype == torch.uint8:
            torch.index_select(self._rows.images, 0, numbers, out=out)
            return
        side = self._rows.images.shape[1:]
        if not hasattr(self._scratch, "raw"):
            self._scratch.raw = torch.empty((self._chunk, *side), dtype=torch.uint8)
            self._scratch.scaled = torch.empty((self._chunk, *side), dtype=torch.float32)
        raw = torch.index_select(self._rows.images, 0, numbers, out=self._scratch.raw[: len(numbers)])
        if self._resize is None:
            out.copy_(raw).div_(255)
        else:
            resize(self._scratch.scaled[: len(numbers)].copy_(raw).div_(255), self._resize, out)
