"""StrictLoader: a loader that spoils each batch as soon as it may."""

from __future__ import annotations

from collections.abc import Iterator

import torch

from loaders.data.batch import Batch


class StrictLoader:
    """Loader whose batch n is spoilt when batch n+2 is requested, or the next epoch begins.

    Args:
        sizes: samples in each batch.
    """

    def __init__(self, sizes: list[int]) -> None:
        self.sizes = sizes
        self.given: list[Batch] = []

    def __len__(self) -> int:
        return len(self.sizes)

    def __iter__(self) -> Iterator[Batch]:
        while self.given:
            spoil(self.given.pop())
        start = 0
        for size in [*self.sizes, 0]:
            if len(self.given) == 2:
                spoil(self.given.pop(0))
            if size:
                numbers = torch.arange(start, start + size)
                images = numbers.to(torch.float32).view(-1, 1, 1, 1).repeat(1, 1, 2, 2)
                self.given.append((images, numbers))
                yield images, numbers
                start += size


def spoil(batch: Batch) -> None:
    """Overwrite a batch with values that no sample has."""
    batch[0].fill_(-7)
    batch[1].fill_(-7)
