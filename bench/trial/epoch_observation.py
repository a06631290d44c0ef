"""EpochObservation: the samples that an inspector saw in an epoch."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bench.records.delivered_pictures import DeliveredPictures


@dataclass(frozen=True)
class EpochObservation:
    """The samples that an inspector saw in an epoch, as they were delivered.

    n is the number of samples in the inspected batches.

    Attributes:
        pixels: pixels on the grid, float32 (n, rows, columns), in [0, 1] if the loader is right.
        labels: label of each sample, int64 (n,).
        means: mean of each picture's pixels, float32 (n,); NaN if only the grid was read.
        sizes: samples in each inspected batch.
        low: smallest pixel of the pictures that were read in whole, or 0 if that is smaller.
        high: largest pixel of these pictures, or 0 if that is larger.
        format_error: difference of the first batch that had another form, in words; None if all were right.
        batches: number of batches delivered, inspected or not.
        samples: number of samples delivered, inspected or not.
        pictures: a few of the samples as pictures; default None for none.
    """

    pixels: NDArray[np.float32]
    labels: NDArray[np.int64]
    means: NDArray[np.float32]
    sizes: tuple[int, ...]
    low: float
    high: float
    format_error: str | None
    batches: int
    samples: int
    pictures: DeliveredPictures | None = None

    @property
    def seen_share(self) -> float:
        """Share of the batches that were inspected, 1 for an empty epoch."""
        return len(self.sizes) / self.batches if self.batches else 1.0
