"""BatchTransfer: copies each batch from the host's memory to the device when it is delivered."""

from __future__ import annotations

import torch

from loaders.data.batch import Batch
from loaders.device.device import Device, Event, Span, no_span
from loaders.device.device_transform import DeviceTransform


class BatchTransfer:
    """Moves a batch by `.to(device)` each time it is called.

    With `non_blocking` and a loader that reuses its buffers, a call also waits for the copy of the batch
    before: the loader overwrites that batch next.

    Args:
        device: destination.
        non_blocking: return while the copy is under way; default False.
        reuses_buffers: whether the loader overwrites a batch once batch n+2 is requested; default False.
        device_transform: work on the copied pictures; default None.

    Attributes:
        span: measures the launched work, as `transfer` and `data`.
    """

    def __init__(
        self,
        device: Device,
        *,
        non_blocking: bool = False,
        reuses_buffers: bool = False,
        device_transform: DeviceTransform | None = None,
    ) -> None:
        self.span: Span = no_span
        self._device = device
        self._non_blocking = non_blocking
        self._guarded = non_blocking and reuses_buffers
        self._device_transform = device_transform
        self._under_way: Event | None = None

    def __call__(self, batch: Batch) -> Batch:
        """Return the batch on the device, for work launched on the current stream.

        Raises:
            ValueError: the batch is no pair.
        """
        check_batch(batch)
        with self.span("transfer"):
            images, labels = (self._device.move(part, non_blocking=self._non_blocking) for part in batch)
        if self._guarded:
            before, self._under_way = self._under_way, self._device.event()
            if before is not None:
                before.synchronize()
        if self._device_transform is not None:
            with self.span("data"):
                images = self._transform(images, self._device_transform)
        return images, labels

    def _transform(self, raw: torch.Tensor, device_transform: DeviceTransform) -> torch.Tensor:
        out = self._device.empty(device_transform.shape(tuple(raw.shape)), torch.float32)
        self._device.launch(lambda: device_transform(raw, out))
        return out

    def wait(self) -> None:
        """Wait until no copy reads the host's memory any more."""
        if self._under_way is not None:
            self._under_way.synchronize()
            self._under_way = None


def check_batch(batch: object) -> None:
    """Raise ValueError unless the batch is a pair."""
    if not isinstance(batch, (tuple, list)) or len(batch) != 2:
        size = f" of {len(batch)}" if isinstance(batch, (tuple, list)) else ""
        raise ValueError(f"a batch is a {type(batch).__name__}{size}, expected a pair of images and labels")
