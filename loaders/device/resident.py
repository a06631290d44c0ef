"""ResidentLoader: a loader whose dataset lies on the device, where all of its work is done."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import KW_ONLY, InitVar, dataclass

import torch

from loaders.data.batch import Batch
from loaders.data.rows import Rows
from loaders.device.device import Span, no_span
from loaders.device.device_transform import DeviceTransform

# Bytes of pictures that are made by one launch of kernels: few launches, and small enough for a large GPU's
# cache.
CHUNK_BYTES = 16 << 20
# A step in CUDA graphs captures one graph for each of these.
MAX_CHUNK_BATCHES = 64
SLOTS = 2


@dataclass(eq=False)
class ResidentLoader:
    """Loader of a dataset that lies on a device, one byte a pixel; each `iter()` is an epoch.

    A few kernels make `chunk_batches` batches at once; the host does nothing else.

    Batch n is valid until batch n+2 is requested or the next epoch begins, and the batches of a chunk are
    valid until all of them have been delivered. The memory is then overwritten, after the work that was
    launched by then on the current stream. Request and use batches on one stream.

    Args:
        rows: the pictures and labels, which are copied to the device once.
        batch_size: samples in a batch, at least 1; the last batch of an epoch may be smaller.
        resize: side in pixels that pictures are resized to; default None keeps their size.
        shuffle: whether each epoch has a random order; False is the stored order. Default True.
        seed: decides the orders of all epochs; default 0.
        device: default `cuda`, the current CUDA device.

    Attributes:
        chunk_batches: batches that are made at once.
        span: measures the launched work, as `data`.

    Raises:
        ValueError: `batch_size` or `resize` is below 1.
    """

    rows: InitVar[Rows]
    _: KW_ONLY
    batch_size: int
    resize: int | None = None
    shuffle: bool = True
    seed: int = 0
    device: str = "cuda"

    def __post_init__(self, rows: Rows) -> None:
        for name, value in (("batch_size", self.batch_size), ("resize", self.resize)):
            if value is not None and value < 1:
                raise ValueError(f"{name} is {value}, expected 1 or more")
        self.span: Span = no_span
        self._samples, *picture = rows.images.shape
        self._picture = (1, *picture)
        self._size = min(self.batch_size, self._samples)
        self._device_transform = DeviceTransform(self.resize)
        self._seeds = torch.Generator("cpu").manual_seed(self.seed)
        self._random = torch.Generator(self.device)
        self._images = _view_as_words(rows.images.view(self._samples, -1).to(self.device))
        self._labels = rows.labels.to(self.device, torch.int64)
        self._stored = torch.arange(self._samples, dtype=torch.int64, device=self.device)
        batch_bytes = 4 * math.prod(self._device_transform.shape((self._size, *self._picture)))
        self.chunk_batches = min(max(1, CHUNK_BYTES // batch_bytes), MAX_CHUNK_BATCHES, len(self))
        self._idle: list[list[_Slot]] = []

    def __len__(self) -> int:
        """Return the number of batches of an epoch."""
        return -(-self._samples // self._size)

    def __iter__(self) -> Iterator[Batch]:
        # Every epoch uses the same memory, as a step in graphs is bound to it; a second epoch at the same
        # time gets memory of its own.
        slots = self._idle.pop() if self._idle else [self._make_slot() for _ in range(SLOTS)]
        chunk = self.chunk_batches * self._size
        try:
            with self.span("data"):
                order = self._draw_order()
            for number, start in enumerate(range(0, self._samples, chunk)):
                with self.span("data"):
                    batches = self._fill(slots[number % SLOTS], order[start : start + chunk])
                yield from batches
        finally:
            self._idle.append(slots)

    def _draw_order(self) -> torch.Tensor:
        if not self.shuffle:
            return self._stored
        seed = int(torch.randint(2**62, (), generator=self._seeds, device="cpu"))
        self._random.manual_seed(seed)
        return torch.randperm(
            self._samples, generator=self._random, dtype=torch.int64, device=self._random.device
        )

    def _make_slot(self) -> _Slot:
        # An inference tensor could only be overwritten in inference mode.
        with torch.inference_mode(False):
            chunk = self.chunk_batches * self._size
            raw = self._images.new_empty((chunk, self._images.shape[1]))
            shape = self._device_transform.shape((chunk, *self._picture))
            images = torch.empty(shape, dtype=torch.float32, device=raw.device)
            return _Slot(raw, images, self._labels.new_empty(chunk), self._size)

    def _fill(self, slot: _Slot, numbers: torch.Tensor) -> list[Batch]:
        samples = len(numbers)
        raw = torch.index_select(self._images, 0, numbers, out=slot.raw[:samples])
        torch.index_select(self._labels, 0, numbers, out=slot.labels[:samples])
        self._device_transform(raw.view(torch.uint8).view(samples, *self._picture), slot.images[:samples])
        return slot.batches if samples == len(slot.labels) else slot.split(samples)


class _Slot:
    """Device memory for the batches of a chunk, which is overwritten again and again.

    Attributes:
        raw: gathered rows, (samples, words).
        images: float32 (samples, 1, H, W).
        labels: int64 (samples,).
        batches: the batches of a full chunk.
    """

    def __init__(
        self, raw: torch.Tensor, images: torch.Tensor, labels: torch.Tensor, batch_size: int
    ) -> None:
        self.raw, self.images, self.labels = raw, images, labels
        self._batch_size = batch_size
        self.batches = self.split(len(labels))

    def split(self, samples: int) -> list[Batch]:
        """Return the batches of the first `samples` samples."""
        parts = (torch.split(part[:samples], self._batch_size) for part in (self.images, self.labels))
        return list(zip(*parts, strict=True))


def _view_as_words(rows: torch.Tensor) -> torch.Tensor:
    """View uint8 (N, P) as the widest integers that divide a row, since a gather moves them one by one."""
    for dtype in (torch.int64, torch.int32, torch.int16):
        if rows.shape[1] % dtype.itemsize == 0:
            return rows.view(dtype)
    return rows
