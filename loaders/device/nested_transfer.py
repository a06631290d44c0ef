"""NestedTransfer: copies batches of any form to a device, as training scripts do."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from loaders.data.nested_batch import move
from loaders.device.device import Event


class NestedTransfer:
    """Moves each batch by `.to(device)`, tensor by tensor.

    With `non_blocking` and a loader that reuses its buffers, a call also waits for the copies of the batch
    before: the loader overwrites that batch next.

    Args:
        device: destination, such as `cuda`.
        non_blocking: return while the copies are under way; default False.
        record: records an event after all copies so far, for a loader that overwrites a batch once batch n+2
            is requested; default None for batches that stay valid.
    """

    def __init__(
        self, device: str, *, non_blocking: bool = False, record: Callable[[], Event] | None = None
    ) -> None:
        self._device = device
        self._non_blocking = non_blocking
        self._record = record if non_blocking else None
        self._under_way: Event | None = None

    def __call__(self, batch: Any) -> Any:
        """Return the batch on the device."""
        moved = move(batch, self._device, non_blocking=self._non_blocking)
        if self._record is not None:
            before, self._under_way = self._under_way, self._record()
            if before is not None:
                before.synchronize()
        return moved

    def wait(self) -> None:
        """Wait until no copy reads a buffer that the loader overwrites.

        Other batches need no wait: a copy keeps the batch that it reads alive.
        """
        if self._under_way is not None:
            self._under_way.synchronize()
            self._under_way = None
