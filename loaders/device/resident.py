"""ResidentLoader: a loader whose dataset lies on the device, where all of its work is done."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import KW_ONLY, InitVar, dataclass

import torch

from loaders.data.batch import Batch
from loaders.data.rows import Rows
from loaders.device.cpu_device import CpuDevice
from loaders.device.device import CudaDevice, Device, Event, Span, no_span
from loaders.device.device_transform import DeviceTransform

# Bytes of pictures that are made by one launch of kernels: few launches, and small enough for a large GPU's
# cache.
CHUNK_BYTES = 16 << 20
# Launching the kernels of a chunk takes longer than a step on one large batch: so many batches are made at
# once if they have no more bytes than this.
FEWEST_CHUNK_BATCHES, MOST_CHUNK_BYTES = 3, 64 << 20
# A step in CUDA graphs captures one graph for each of these.
MAX_CHUNK_BATCHES = 64
# One chunk is filled while the steps work on the one before, and batches of a third may still be in use.
SLOTS = 3


@dataclass(eq=False)
class ResidentLoader:
    """Loader of a dataset that lies on a device, one byte a pixel; each `iter()` is an epoch.

    A few kernels make `chunk_batches` batches at once; the host does nothing else. They run on a stream of
    their own, beside the work on the chunk before. The order of the next epoch is drawn beside that of this
    one.

    Batch n is valid until batch n+2 is requested or the next epoch begins, and the batches of a chunk are
    valid until all of them have been delivered. The memory is then overwritten, after the work that was
    launched by then on the current stream. Request and use batches on one stream.

    Args:
        rows: the pictures and labels, which are copied to the device once.
        batch_size: samples in a batch, at least 1; the last batch of an epoch may be smaller.
        resize: side in pixels that pictures are resized to; default None keeps their size.
        shuffle: whether each epoch has a random order; False is the stored order. Default True.
        seed: decides the orders of all epochs; default 0.
        device: a Device, `cpu`, or the name of a CUDA device; default `cuda`, the current one.

    Attributes:
        chunk_batches: batches that are made at once.
        span: measures the launched work, as `data`.

    Raises:
        ValueError: `batch_size` or `resize` is below 1, or the device is none of these.
        RuntimeError: there is no CUDA device here.
    """

    rows: InitVar[Rows]
    _: KW_ONLY
    batch_size: int
    resize: int | None = None
    shuffle: bool = True
    seed: int = 0
    device: Device | str = "cuda"

    def __post_init__(self, rows: Rows) -> None:
        for name, value in (("batch_size", self.batch_size), ("resize", self.resize)):
            if value is not None and value < 1:
                raise ValueError(f"{name} is {value}, expected 1 or more")
        self.span: Span = no_span
        self._samples, *picture = rows.images.shape
        self._picture = (1, *picture)
        self._size = min(self.batch_size, self._samples)
        self._device_transform = DeviceTransform(self.resize)
        self._device = _find_device(self.device)
        place = self._device.torch_device
        self._seeds = torch.Generator("cpu").manual_seed(self.seed)
        self._random = torch.Generator(place)
        self._images = _view_as_words(rows.images.view(self._samples, -1).to(place))
        self._labels = rows.labels.to(place, torch.int64)
        self._stored = torch.arange(self._samples, dtype=torch.int64, device=place)
        self.chunk_batches = min(self._choose_chunk_batches(), MAX_CHUNK_BATCHES, len(self))
        self._fills, self._draws = self._device.stream(), self._device.stream()
        self._idle: list[list[_Slot]] = []
        self._next_order: tuple[torch.Tensor, Event] | None = None

    def __len__(self) -> int:
        """Return the number of batches of an epoch."""
        return -(-self._samples // self._size)

    def __iter__(self) -> Iterator[Batch]:
        # Every epoch uses the same memory, as a step in graphs is bound to it; a second epoch at the same
        # time gets memory of its own.
        slots = self._idle.pop() if self._idle else [self._make_slot() for _ in range(SLOTS)]
        device, chunk = self._device, self.chunk_batches * self._size
        order = self._take_order()
        before = device.event()
        starts = range(0, self._samples, chunk)
        try:
            for number, start in enumerate(starts):
                now = device.event()
                with device.on(self._fills):
                    # Work on the chunk that had this memory was launched before the last request of a chunk.
                    self._fills.wait_event(before)
                    with self.span("data"):
                        batches = self._fill(slots[number % SLOTS], order[start : start + chunk])
                    filled = device.event()
                before = now
                # By then the host is ahead of the device, and the launches of the draw delay no step.
                if number == len(starts) // 2:
                    self._draw_ahead()
                device.current().wait_event(filled)
                yield from batches
        finally:
            # Later work on the current stream may use the memory of the orders for something else.
            for stream in (self._fills, self._draws):
                with device.on(stream):
                    rest = device.event()
                device.current().wait_event(rest)
            self._idle.append(slots)

    def _choose_chunk_batches(self) -> int:
        batch_bytes = 4 * math.prod(self._device_transform.shape((self._size, *self._picture)))
        fewest = min(FEWEST_CHUNK_BATCHES, MOST_CHUNK_BYTES // batch_bytes)
        return max(1, fewest, CHUNK_BYTES // batch_bytes)

    def _take_order(self) -> torch.Tensor:
        """Return the order of the epoch that begins, for work on the stream of the fills."""
        if not self.shuffle:
            return self._stored
        (order, drawn), self._next_order = self._next_order or self._draw_order(), None
        self._fills.wait_event(drawn)
        return order

    def _draw_ahead(self) -> None:
        if self.shuffle and self._next_order is None:
            self._next_order = self._draw_order()

    def _draw_order(self) -> tuple[torch.Tensor, Event]:
        """Launch the draw of the next order, and return it with the event of its end."""
        device, random = self._device, self._random
        seed = int(torch.randint(2**62, (), generator=self._seeds, device="cpu"))
        with torch.inference_mode(False):
            order = device.empty((self._samples,), torch.int64)
        free = device.event()

        def draw() -> None:
            random.manual_seed(seed)
            torch.randperm(len(order), generator=random, out=order, dtype=torch.int64, device=order.device)

        with device.on(self._draws):
            self._draws.wait_event(free)
            with self.span("data"):
                device.launch(draw)
            return order, device.event()

    def _make_slot(self) -> _Slot:
        # An inference tensor could only be overwritten in inference mode.
        with torch.inference_mode(False):
            chunk, empty = self.chunk_batches * self._size, self._device.empty
            raw = empty((chunk, self._images.shape[1]), self._images.dtype)
            images = empty(self._device_transform.shape((chunk, *self._picture)), torch.float32)
            pictures = raw.view(torch.uint8).view(chunk, *self._picture)
            return _Slot(raw, pictures, images, empty((chunk,), torch.int64), self._size)

    def _fill(self, slot: _Slot, numbers: torch.Tensor) -> list[Batch]:
        samples = len(numbers)
        raw, pictures, images, labels = slot.take(samples)

        def fill() -> None:
            torch.index_select(self._images, 0, numbers, out=raw)
            torch.index_select(self._labels, 0, numbers, out=labels)
            self._device_transform(pictures, images)

        self._device.launch(fill)
        return slot.batches if samples == len(slot.labels) else slot.split(samples)


class _Slot:
    """Device memory for the batches of a chunk, which is overwritten again and again.

    Attributes:
        raw: gathered rows, (samples, words).
        pictures: the same memory as uint8 (samples, 1, H, W).
        images: float32 (samples, 1, H, W).
        labels: int64 (samples,).
        batches: the batches of a full chunk.
    """

    def __init__(
        self,
        raw: torch.Tensor,
        pictures: torch.Tensor,
        images: torch.Tensor,
        labels: torch.Tensor,
        batch_size: int,
    ) -> None:
        self.raw, self.pictures, self.images, self.labels = raw, pictures, images, labels
        self._batch_size = batch_size
        self.batches = self.split(len(labels))

    def take(self, samples: int) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor]:
        """Return rows, pictures, images and labels of the first `samples` samples."""
        raw, pictures, images, labels = whole = self.raw, self.pictures, self.images, self.labels
        # Slices take microseconds of the host, and there is one chunk that isn't full.
        if samples == len(labels):
            return whole
        return raw[:samples], pictures[:samples], images[:samples], labels[:samples]

    def split(self, samples: int) -> list[Batch]:
        """Return the batches of the first `samples` samples."""
        parts = (torch.split(part[:samples], self._batch_size) for part in (self.images, self.labels))
        return list(zip(*parts, strict=True))


def _find_device(device: Device | str) -> Device:
    if not isinstance(device, str):
        return device
    return CpuDevice() if device == "cpu" else CudaDevice(device)


def _view_as_words(rows: torch.Tensor) -> torch.Tensor:
    """View uint8 (N, P) as the widest integers that divide a row, since a gather moves them one by one."""
    for dtype in (torch.int64, torch.int32, torch.int16):
        if rows.shape[1] % dtype.itemsize == 0:
            return rows.view(dtype)
    return rows
