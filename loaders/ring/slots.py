"""Slots: the memory of a ring, which is written again and again."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch.autograd.graph import increment_version

from loaders.data.batch import Batch


class Slots:
    """The ring's memory. images: float32, or uint8 if raw (slots, chunk, 1, H, W). labels: int64 (slots,
    chunk).

    batches: for each slot, its batches, which share its memory. owners: for each slot, the tensor whose
    version autograd compares.
    """

    def __init__(
        self, count: int, chunk: int, batch_size: int, side: tuple[int, int], *, pin: bool, raw: bool = False
    ) -> None:
        shape = (count, chunk, 1, *side)
        # numpy asks for huge pages; and memory that was never written comes as a page after another, slowly.
        images = (
            torch.zeros(shape, dtype=torch.uint8 if raw else torch.float32, pin_memory=True)
            if pin
            else torch.from_numpy(np.empty(shape, np.uint8 if raw else np.float32))
        )
        images.zero_()
        labels = torch.zeros((count, chunk), dtype=torch.int64, pin_memory=pin)
        self.images: NDArray[np.float32] | NDArray[np.uint8] = images.numpy()
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
