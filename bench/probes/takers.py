"""Takers: what happens to the batches of a stretch beside being counted."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch

from bench.probes.stretch import Taker
from loaders.data.nested_batch import map_tensors
from loaders.device.pipeline import Transfer

# Most batches that are kept for workers that deliver copies.
MOST_KEPT = 4


class KeepingTaker(Taker):
    """Keeps the first batches, too."""

    def __init__(self, count: Callable[[Any], int]) -> None:
        """Prepare to take batches."""
        super().__init__(count)
        self._kept: list[Any] = []

    def take(self, batch: Any) -> int:
        """Take a batch, and keep it if it is one of the first."""
        if len(self._kept) < MOST_KEPT:
            self._kept.append(batch)
        return super().take(batch)

    def copy_kept(self) -> list[Any]:
        """Return copies of the kept batches in ordinary memory of this process."""
        return [map_tensors(batch, torch.clone) for batch in self._kept]


class MovingTaker(Taker):
    """Moves each batch to a CUDA device, too."""

    def __init__(self, count: Callable[[Any], int], transfer: Transfer | None) -> None:
        """Prepare to take batches.

        Args:
            count: returns the number of samples of a batch.
            transfer: moves a batch; None for batches that are on the device already.
        """
        super().__init__(count)
        self._transfer = transfer

    def take(self, batch: Any) -> int:
        """Move a batch."""
        if self._transfer is not None:
            batch = self._transfer(batch)
        return super().take(batch)

    def finish(self) -> None:
        """Wait until all copies are done."""
        if self._transfer is not None:
            self._transfer.wait()
        torch.cuda.synchronize()
