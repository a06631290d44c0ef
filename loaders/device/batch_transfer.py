"""How batches get from the host's memory to a CUDA device: one by one when they are asked for, or ahead."""

from __future__ import annotations

import torch

from loaders.data.batch import Batch
from loaders.device.device import Device, Event, Span, no_span
from loaders.device.device_transform import DeviceTransform


class BatchTransfer:
    """Moves each batch by `.to(device)` when it is called: the loop has the batch once it is there, or on
    its way there.

    non_blocking: don't wait for it. lasting: whether the loader's batches stay as they are. Where they
    don't, it waits for the copy of the batch before, since the loader will write over that one next.
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
        """The batch on the device; what is launched on the current stream finds it there."""
        check(batch)
        with self.span("transfer"):
            images, labels = (self._device.moved(part, non_blocking=self._non_blocking) for part in batch)
        if self._guarded:
            before, self._under_way = self._under_way, self._device.event()
            if before is not None:
                before.synchronize()
        if self._device_transform is not None:
            with self.span("data"):
                images = self._transformed(images, self._device_transform)
        return images, labels

    def _transformed(self, raw: torch.Tensor, device_transform: DeviceTransform) -> torch.Tensor:
        out = self._device.empty(device_transform.shape(tuple(raw.shape)), torch.float32)
        self._device.launch(lambda: device_transform(raw, out))
        return out

    def wait(self) -> None:
        """Return once nothing of the host's memory is read any more."""
        if self._under_way is not None:
            self._under_way.synchronize()
            self._under_way = None


def check(batch: object) -> None:
    """ValueError for what is no pair of tensors."""
    if not isinstance(batch, (tuple, list)) or len(batch) != 2:
        size = f" of {len(batch)}" if isinstance(batch, (tuple, list)) else ""
        raise ValueError(f"a batch is a {type(batch).__name__}{size}, expected a pair of images and labels")
