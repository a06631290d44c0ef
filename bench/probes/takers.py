"""Takers: what happens to the batches of a stretch beside being counted."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch

from bench.probes.stretch import Taker
from loaders.data.nested_batch import count_bytes, map_tensors
from loaders.device.pipeline import Transfer

# So many batches are copied for workers that deliver them, and no more once they take so many bytes. Copying
# them takes about a hundredth of a stretch.
MOST_COPIED, MOST_BYTES = 4, 64 << 20


class CopyingTaker(Taker):
    """Copies the first batches, too, to ordinary memory of this process.

    Attributes:
        copies: the copies so far.
    """

    def __init__(self, count: Callable[[Any], int]) -> None:
        """Prepare to take batches."""
        super().__init__(count)
        self.copies: list[Any] = []
        self._num_bytes = 0

    def take(self, batch: Any) -> int:
        """Take a batch, and copy it if it is one of the first."""
        if len(self.copies) < MOST_COPIED and self._num_bytes <= MOST_BYTES:
            # The batch itself would hold its shared memory, of which there may be little.
            self.copies.append(map_tensors(batch, torch.clone))
            self._num_bytes += count_bytes(batch)
        return super().take(batch)


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
        # A transfer may be a user's own, to another device.
        if torch.cuda.is_initialized():  # type: ignore[no-untyped-call]
            torch.cuda.synchronize()
