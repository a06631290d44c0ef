"""EpochObservation: what an inspector saw of an epoch."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class EpochObservation:
    """What was seen of an epoch, as it was delivered: n samples of the batches that were looked at.

    pixels: the grid's, float32 (n, rows, columns). labels: int64 (n,). means: of each picture's pixels,
    float32 (n,), NaN where only the grid was looked at. sizes: of the batches looked at. low, high: the
    smallest and largest pixel of the pictures looked at in whole, and 0. odd: what the first batch of another
    form had instead. batches, samples: all that were delivered, seen or not.
    """

    pixels: NDArray[np.float32]
    labels: NDArray[np.int64]
    means: NDArray[np.float32]
    sizes: tuple[int, ...]
    low: float
    high: float
    odd: str | None
    batches: int
    samples: int

    @property
    def seen_share(self) -> float:
        """The share of the batches that were looked at."""
        return len(self.sizes) / self.batches if self.batches else 1.0
