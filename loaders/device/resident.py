"""A loader whose dataset lies on the device: order, gather, scaling and resize are done there."""

from __future__ import annotations

import math
from collections.abc import Iterator

import torch

from loaders.data.batch import Batch
from loaders.data.rows import Rows
from loaders.device.device import Span, no_span
from loaders.device.device_transform import DeviceTransform

# Batches are made many at once, so that the host launches few kernels: as many as this holds, which a large
# GPU's cache does, too ...
CHUNK_BYTES = 16 << 20
# ... but no more than these, each of which a step in a graph is captured for.
MAX_CHUNK_BATCHES = 64
SLOTS = 2


class ResidentLoader:
    """Batches of a dataset that lies on a device, one byte a pixel; each `iter()` is an epoch.

    rows: what is copied there, once. resize: the side that pictures are resized to. together: so many batches
    are made at once, by a few kernels, and stay until all of them were delivered; the host does nothing else.

    A batch stays as it is until the second one after it is asked for, or the next epoch begins: then its
    memory is written again, after all that was launched by then on the current stream. Batches must be asked
    for and used on one stream. Raises ValueError for a size below 1.
    """

    def __init__(
        self,
        rows: Rows,
        *,
        batch_size: int,
        resize: int | None = None,
        shuffle: bool = True,
        seed: int = 0,
        device: str = "cuda",
    ) -> None:
        for name, value in (("batch_size", batch_size), ("resize", 1 if resize is None else resize)):
            if value < 1:
                raise ValueError(f"{name} is {value}, expected 1 or more")
        self.span: Span = no_span
        self._samples, *picture = rows.images.shape
        self._picture = (1, *picture)
        self._batch_size = min(batch_size, self._samples)
        self._device_transform = DeviceTransform(resize)
        self._shuffle = shuffle
        self._seeds = torch.Generator().manual_seed(seed)
        self._random = torch.Generator(device)
        self._images = _in_words(rows.images.view(self._samples, -1).to(device))
        self._labels = rows.labels.to(device, torch.int64)
        self._stored = torch.arange(self._samples, device=device)
        batch_bytes = 4 * math.prod(self._device_transform.shape((self._batch_size, *self._picture)))
        self.chunk_batches = min(max(1, CHUNK_BYTES // batch_bytes), MAX_CHUNK_BATCHES, len(self))
        self._idle: list[list[_Slot]] = []

    def __len__(self) -> int:
        """The number of batches of an epoch."""
        return -(-self._samples // self._batch_size)

    def __iter__(self) -> Iterator[Batch]:
        # The same memory in each epoch, as a step in a graph is bound to it; one beside another has its own.
        slots = self._idle.pop() if self._idle else [self._slot() for _ in range(SLOTS)]
        chunk = self.chunk_batches * self._batch_size
        try:
            with self.span("data"):
                order = self._order()
            for number, start in enumerate(range(0, self._samples, chunk)):
                with self.span("data"):
                    batches = self._fill(slots[number % SLOTS], order[start : start + chunk])
                yield from batches
        finally:
            self._idle.append(slots)

    def _order(self) -> torch.Tensor:
        if not self._shuffle:
            return self._stored
        seed = int(torch.randint(2**62, (), generator=self._seeds))
        self._random.manual_seed(seed)
        return torch.randperm(self._samples, generator=self._random, device=self._random.device)

    def _slot(self) -> _Slot:
        # Not as tensors of an inference, which could be written in one alone.
        with torch.inference_mode(False):
            chunk = self.chunk_batches * self._batch_size
            raw = self._images.new_empty((chunk, self._images.shape[1]))
            shape = self._device_transform.shape((chunk, *self._picture))
            images = torch.empty(shape, dtype=torch.float32, device=raw.device)
            return _Slot(raw, images, self._labels.new_empty(chunk), self._batch_size)

    def _fill(self, slot: _Slot, numbers: torch.Tensor) -> list[Batch]:
        samples = len(numbers)
        raw = torch.index_select(self._images, 0, numbers, out=slot.raw[:samples])
        torch.index_select(self._labels, 0, numbers, out=slot.labels[:samples])
        self._device_transform(raw.view(torch.uint8).view(samples, *self._picture), slot.images[:samples])
        return slot.batches if samples == len(slot.labels) else slot.split(samples)


class _Slot:
    """Memory for batches that are made together, written again and again."""

    def __init__(
        self, raw: torch.Tensor, images: torch.Tensor, labels: torch.Tensor, batch_size: int
    ) -> None:
        self.raw, self.images, self.labels = raw, images, labels
        self._batch_size = batch_size
        self.batches = self.split(len(labels))

    def split(self, samples: int) -> list[Batch]:
        """The batches of so many samples."""
        parts = (torch.split(part[:samples], self._batch_size) for part in (self.images, self.labels))
        return list(zip(*parts, strict=True))


def _in_words(rows: torch.Tensor) -> torch.Tensor:
    """uint8 (N, P) as the widest whole numbers that divide a row: a gather moves them one by one."""
    for dtype in (torch.int64, torch.int32, torch.int16):
        if rows.shape[1] % dtype.itemsize == 0:
            return rows.view(dtype)
    return rows
