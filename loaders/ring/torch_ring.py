"""TorchRing: a ring that is filled by torch's operations."""

from __future__ import annotations

import threading

import torch

from loaders.data.rows import Rows
from loaders.device.resize import resize
from loaders.ring.slots import Slots


class TorchRing:
    """Ring that is filled by torch's operations, for machines without a C compiler.

    The operations release the GIL while they work.

    Args:
        rows: the pictures and labels.
        slots: the memory to fill.
        resize: side in pixels that pictures are resized to; None keeps their size.
        shuffle: whether each epoch has a random order; False is the stored order.
    """

    def __init__(self, rows: Rows, slots: Slots, resize: int | None, *, shuffle: bool) -> None:
        self._rows = rows
        self._resize = resize
        self._images = [torch.from_numpy(slot) for slot in slots.images[:, :, 0]]
        self._labels = [torch.from_numpy(slot) for slot in slots.labels]
        self._chunk = slots.shape.samples
        self._chunks = -(-len(rows.labels) // self._chunk)
        self._order = torch.arange(len(rows.labels), dtype=torch.int64, device="cpu")
        self._shuffle = shuffle
        self._scratch = threading.local()
        self._changed = threading.Condition()
        self._next = self._released = 0
        self._ready = [0] * len(self._images)
        self._stopped = False
        self._error: Exception | None = None

    def begin(self, seed: int) -> None:
        if self._shuffle:
            generator = torch.Generator("cpu").manual_seed(seed)
            torch.randperm(len(self._order), generator=generator, out=self._order, device="cpu")
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
            while not self._has_ended():
                if not self._fill_one():
                    with self._changed:
                        self._changed.wait_for(lambda: self._has_ended() or self._is_free())
        except Exception as error:
            # The training thread would wait for this thread's chunk for ever; `take` raises the error there.
            with self._changed:
                self._error = error
                self._changed.notify_all()

    def stop(self) -> None:
        with self._changed:
            self._stopped = True
            self._changed.notify_all()

    def _is_ready(self, chunk: int) -> bool:
        if self._error is not None:
            raise self._error
        return self._ready[chunk % len(self._ready)] == chunk + 1

    def _has_ended(self) -> bool:
        return self._stopped or self._next >= self._chunks

    def _is_free(self) -> bool:
        return self._next < min(self._chunks, self._released + len(self._ready))

    def _fill_one(self) -> bool:
        """Fill the next chunk if its slot is free; return whether it was."""
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
        raw, scaled = (part[: len(numbers)] for part in self._reuse_scratch())
        torch.index_select(self._rows.images, 0, numbers, out=raw)
        if self._resize is None:
            out.copy_(raw).div_(255)
        else:
            resize(scaled.copy_(raw).div_(255), self._resize, out)

    def _reuse_scratch(self) -> tuple[torch.Tensor, torch.Tensor]:
        """Return this thread's room for a chunk before the resize: uint8 and float32 (samples, H, W)."""
        if not hasattr(self._scratch, "parts"):
            shape = (self._chunk, *self._rows.images.shape[1:])
            # An inference tensor could only be overwritten in inference mode.
            with torch.inference_mode(False):
                self._scratch.parts = tuple(
                    torch.empty(shape, dtype=dtype, device="cpu") for dtype in (torch.uint8, torch.float32)
                )
        parts: tuple[torch.Tensor, torch.Tensor] = self._scratch.parts
        return parts
