"""The dataset in memory as uint8, gathered batch by batch into a ring of buffers, and scaled there."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from loaders.data.batch import Batch
from loaders.data.image_split import ImageSplit
from loaders.data.rows import Rows
from loaders.spec.ring_spec import RingSpec


@dataclass(frozen=True)
class TensorSlice(RingSpec):
    """Rows of a uint8 tensor, in a shuffled order, without a worker, a PIL image or a new tensor.

    A batch stays valid until the second one after it is asked for (`RingLoader` has the details); `copy=True`
    gives batches that last. `resize` is torchvision's own, bilinear and antialiased, without rounding.
    """

    def build(self, source: ImageSplit, *, shuffle: bool, seed: int) -> Iterable[Batch]:
        """A loader over the source's pictures, which stay in memory as they are: one byte a pixel."""
        source = source.in_memory()
        return self.ring_loader(Rows(source.images, source.labels), shuffle=shuffle, seed=seed)
