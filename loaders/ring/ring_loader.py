"""RingLoader: a loader that gathers rows of uint8 into a ring of reused buffers.

The rows lie in memory or in a mapped file, which makes no difference to it.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import KW_ONLY, dataclass, field

import torch

from loaders.data.batch import Batch
from loaders.data.rows import Rows
from loaders.device.device_transform import DeviceTransform
from loaders.native import native
from loaders.ring.helpers import Helpers
from loaders.ring.native_ring import NativeRing
from loaders.ring.ring import Ring
from loaders.ring.slots import Slots, SlotShape
from loaders.ring.torch_ring import TorchRing

# Least samples in a chunk: handing one over costs a microsecond or two.
CHUNK = 256
# More threads beside the training thread gain little, since memory is the limit.
MOST_THREADS = 2


@dataclass(eq=False)
class RingLoader:
    """Loader that gathers rows into a ring of reused buffers; each `iter()` is an epoch.

    It yields pairs (images, labels): float32 (B, 1, H, W) in [0, 1] and int64 (B,), in the CPU's memory. Each
    epoch holds every sample once; the last batch may be smaller.

    Batch n is valid until batch n+2 is requested or the next epoch begins; then its memory is overwritten.
    `copy=True` gives batches that stay valid. Autograd raises if it still needs an overwritten batch; nothing
    else notices. The tensors are reused too: an attribute set on one (`requires_grad_`, a name) stays.

    Args:
        rows: the pictures and labels.
        batch_size: samples in a batch, at least 1.
        resize: side in pixels that pictures are resized to, bilinear and antialiased; default None keeps
            their size.
        threads: threads that fill the ring beside the training thread, which fills chunks itself where they
            are late. Default None: one for each core that torch's own threads leave free, at most 2.
        prefetch: batches that the threads load ahead, at least 1; default 2.
        pin_memory: whether the ring lies in page-locked memory, for copies to a CUDA device; default False.
        copy: deliver each batch in memory of its own; default False.
        raw: deliver pictures as they are stored, uint8, to be scaled on the device; not with `resize`.
            Default False.
        shuffle: whether each epoch has a random order; False is the stored order. Default True.
        seed: decides the orders of all epochs; default 0.

    Raises:
        ValueError: a number is too small, or `raw` is given with `resize`.
    """

    rows: Rows = field(repr=False)
    _: KW_ONLY
    batch_size: int
    resize: int | None = None
    threads: int | None = None
    prefetch: int = 2
    pin_memory: bool = False
    copy: bool = False
    raw: bool = False
    shuffle: bool = True
    seed: int = 0

    def __post_init__(self) -> None:
        for name, value, least in (
            ("batch_size", self.batch_size, 1),
            ("resize", 1 if self.resize is None else self.resize, 1),
            ("threads", self.threads or 0, 0),
            ("prefetch", self.prefetch, 1),
        ):
            if value < least:
                raise ValueError(f"{name} is {value}, expected {least} or more")
        if self.raw and self.resize is not None:
            raise ValueError(
                f"resize is {self.resize} with raw pictures, expected None: only scaled ones are resized"
            )
        self.rows = self.rows.narrowed()
        if self.threads is None:
            self.threads = idle_cores()
        self._generator = torch.Generator("cpu").manual_seed(self.seed)
        self._idle: list[tuple[Slots, Ring]] = [self._make_ring()]

    @property
    def reuses_buffers(self) -> bool:
        """True if the memory of batch n is overwritten once batch n+2 is requested."""
        return not self.copy

    @property
    def samples(self) -> int:
        """Samples in an epoch."""
        return len(self.rows.labels)

    @property
    def device_transform(self) -> DeviceTransform | None:
        """Work that the device must do on raw pictures; None for scaled ones."""
        return DeviceTransform(None) if self.raw else None

    def __len__(self) -> int:
        """Return the number of batches of an epoch."""
        return -(-self.samples // self.batch_size)

    def __iter__(self) -> Iterator[Batch]:
        seed = int(torch.randint(2**62, (), generator=self._generator, device="cpu"))
        # Every epoch uses the same ring; a second epoch at the same time gets a ring of its own.
        slots, ring = self._idle.pop() if self._idle else self._make_ring()
        batches = self._run_epoch(slots, ring, seed)
        return ((images.clone(), labels.clone()) for images, labels in batches) if self.copy else batches

    def _run_epoch(self, slots: Slots, ring: Ring, seed: int) -> Iterator[Batch]:
        size, count = slots.shape.samples, len(slots.owners)
        for slot in range(count):
            slots.mark_written(slot)
        try:
            ring.begin(seed)
            with Helpers(ring, self.threads or 0):
                for chunk in range(-(-self.samples // size)):
                    ring.take(chunk)
                    # The chunk before the last one may be overwritten from now on.
                    slots.mark_written((chunk - 2) % count)
                    yield from slots.split(chunk % count, min(size, self.samples - chunk * size))
        finally:
            self._idle.append((slots, ring))

    def _make_ring(self) -> tuple[Slots, Ring]:
        batch_size = min(self.batch_size, self.samples)
        chunk_batches = max(1, CHUNK // batch_size)
        chunk = chunk_batches * batch_size
        # The chunk in use, the one before it, and the chunks that are filled meanwhile.
        count = 2 + (-(-self.prefetch // chunk_batches) if self.threads else 0)
        count = min(count, max(2, -(-self.samples // chunk)))
        height, width = self.rows.images.shape[1:]
        side = (self.resize, self.resize) if self.resize else (height, width)
        # Threads outside inference mode could not write inference tensors.
        with torch.inference_mode(False):
            slots = Slots(SlotShape(count, chunk, side), batch_size, pin=self.pin_memory, raw=self.raw)
            kind = NativeRing if native().library else TorchRing
            return slots, kind(self.rows, slots, self.resize, shuffle=self.shuffle)


def idle_cores(*, beside: int | None = None, most: int = MOST_THREADS) -> int:
    """Return how many cores a number of threads leaves free.

    Args:
        beside: the number of threads; None for torch's own.
        most: the largest result.
    """
    usable = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return min(most, max(0, usable - (torch.get_num_threads() if beside is None else beside)))
