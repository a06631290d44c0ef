"""Slots: the memory of a ring, which is overwritten again and again."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch.autograd.graph import increment_version

from loaders.data.batch import Batch


@dataclass(frozen=True)
class SlotShape:
    """Shape of a ring's memory.

    Attributes:
        count: the number of slots.
        samples: samples in a slot, the size of a chunk.
        side: height and width of a picture.
    """

    count: int
    samples: int
    side: tuple[int, int]


class Slots:
    """Memory of a ring: a few slots, each for one chunk of batches.

    Args:
        shape: number and size of the slots.
        batch_size: samples in a batch.
        pin: whether the memory is page-locked.
        raw: whether pictures are stored as uint8; default False, float32.

    Attributes:
        shape: as given.
        images: float32 or uint8 (count, samples, 1, H, W).
        labels: int64 (count, samples).
        owners: one tensor for each slot of `images`, whose version autograd compares.
    """

    def __init__(self, shape: SlotShape, batch_size: int, *, pin: bool, raw: bool = False) -> None:
        self.shape = shape
        full = (shape.count, shape.samples, 1, *shape.side)
        # Ordinary memory comes from numpy, which asks for huge pages.
        images = (
            torch.zeros(full, dtype=torch.uint8 if raw else torch.float32, device="cpu", pin_memory=True)
            if pin
            else torch.from_numpy(np.empty(full, np.uint8 if raw else np.float32))
        )
        # Written once here: the first write to each page is slow.
        images.zero_()
        labels = torch.zeros(full[:2], dtype=torch.int64, device="cpu", pin_memory=pin)
        self.images: NDArray[np.float32] | NDArray[np.uint8] = images.numpy()
        self.labels: NDArray[np.int64] = labels.numpy()
        self._keep = images, labels
        # Through numpy: slices of one tensor share its version, and a batch in use would seem changed
        # whenever another one is.
        self.owners = [torch.from_numpy(slot) for slot in self.images]
        self._labels = [torch.from_numpy(slot) for slot in self.labels]
        self._batch_size = batch_size
        self._full = [self._cut(slot, shape.samples) for slot in range(shape.count)]

    def split(self, slot: int, samples: int) -> list[Batch]:
        """Return the batches of the first `samples` samples of a slot, which share its memory."""
        return self._full[slot] if samples == self.shape.samples else self._cut(slot, samples)

    def mark_written(self, slot: int) -> None:
        """Tell autograd that a slot is overwritten, since it doesn't see writes past torch."""
        increment_version(self.owners[slot])
        increment_version(self._labels[slot])

    def _cut(self, slot: int, samples: int) -> list[Batch]:
        parts = (torch.split(part[slot][:samples], self._batch_size) for part in (self.owners, self._labels))
        return list(zip(*parts, strict=True))
