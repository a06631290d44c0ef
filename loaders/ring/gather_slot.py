"""GatherSlot: memory for one batch of any form, which is overwritten again and again."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch.autograd.graph import increment_version

from loaders.data.batch_format import BatchFormat
from loaders.data.nested_batch import Leaf


class GatherSlot:
    """Memory for one batch.

    Args:
        batch_format: format of the batches.
        pin: whether the memory of tensors is page-locked.

    Attributes:
        words: for each leaf its rows as words, (capacity,) or (capacity, words).
    """

    def __init__(self, batch_format: BatchFormat, *, pin: bool) -> None:
        self.words: list[NDArray[Any]] = []
        self._format = batch_format
        self._pin = pin
        self._capacity = 0
        self._owners: list[torch.Tensor] = []
        self._leaves: list[Leaf] = []

    def reserve(self, rows: int) -> None:
        """Make room for a batch. Batches of the old memory stay valid where it is too small."""
        if rows <= self._capacity:
            return
        # Threads outside inference mode could not write inference tensors.
        with torch.inference_mode(False):
            self._owners = [
                _allocate(rows * leaf.row_bytes, pin=self._pin and isinstance(leaf.dtype, torch.dtype))
                for leaf in self._format.leaves
            ]
            pairs = list(zip(self._format.leaves, self._owners, strict=True))
            self._leaves = [leaf.view_leaf(owner, rows) for leaf, owner in pairs]
        # Through numpy: what is written here doesn't count as a change by torch; `mark_written` does.
        self.words = [owner.numpy().view(leaf.word).reshape(rows, *leaf.row_words) for leaf, owner in pairs]
        self._capacity = rows

    def get_batch(self, rows: int) -> Any:
        """Return the batch of the first `rows` samples, which shares this memory."""
        return self._format.join([leaf[:rows] for leaf in self._leaves])

    def mark_written(self) -> None:
        """Tell autograd that the memory is overwritten, since it doesn't see writes past torch."""
        for owner in self._owners:
            increment_version(owner)


def _allocate(size: int, *, pin: bool) -> torch.Tensor:
    """Return bytes that were written once: the first write to each page is slow."""
    if pin:
        return torch.zeros(size, dtype=torch.uint8, device="cpu", pin_memory=True)
    # Ordinary memory comes from numpy, which asks for huge pages.
    return torch.from_numpy(np.empty(size, np.uint8)).zero_()
