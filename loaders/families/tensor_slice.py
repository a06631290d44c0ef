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
    """Rows of a uint8 tensor, without workers, PIL images, or a new tensor for each batch.

    `resize` equals torchvision's, bilinear and antialiased, without rounding to uint8.
    """

    def build(self, source: ImageSplit, *, shuffle: bool, seed: int) -> Iterable[Batch]:
        """Return a RingLoader over the pictures, which stay in memory at one byte a pixel."""
        source = source.in_memory()
        return self.make_ring_loader(Rows(source.images, source.labels), shuffle=shuffle, seed=seed)
