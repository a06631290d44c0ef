"""NestedTransfer: copies batches of any form to a device, as training scripts do."""

from __future__ import annotations

from typing import Any

from loaders.data.nested_batch import move


class NestedTransfer:
    """Moves each batch by `.to(device)`, tensor by tensor.

    Args:
        device: destination, such as `cuda`.
        non_blocking: return while the copies are under way; default False.
    """

    def __init__(self, device: str, *, non_blocking: bool = False) -> None:
        self._device = device
        self._non_blocking = non_blocking

    def __call__(self, batch: Any) -> Any:
        """Return the batch on the device."""
        return move(batch, self._device, non_blocking=self._non_blocking)

    def wait(self) -> None:
        """Do nothing: a copy keeps the batch that it reads alive."""
