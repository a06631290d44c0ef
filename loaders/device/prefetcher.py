"""Prefetcher: copies batches to the device ahead of the training loop."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator

import torch

from loaders.data.batch import Batch
from loaders.device.batch_transfer import check_batch
from loaders.device.chunk import Chunk
from loaders.device.device import Device, Event, Span, no_span
from loaders.device.device_transform import DeviceTransform

# Two delivered batches may still be in use while the next two are copied.
SLOTS = 4


class Prefetcher:
    """Loader that copies batch n+1 to a device, on a stream of its own, while the loop works on batch n.

    Batch n is valid until batch n+2 is requested or the next epoch begins. Its device memory is then
    overwritten, after the work that was launched by then on the stream that is current at the request.
    Copies run beside that work only out of page-locked memory.

    Args:
        loader: an iterable of pairs (images, labels) of tensors in the host's memory.
        device: destination.
        reuses_buffers: whether the loader overwrites batch n once batch n+2 is requested; it is then asked
            for a batch only after the memory that it will overwrite has been copied. Default False.
        device_transform: work on the copied pictures; default None.
        chunk: deliver each of the loader's batches in several of `chunk.batch_size` samples, which stay valid
            until all of them have been delivered; default None.

    Attributes:
        loader: the iterable whose batches are copied.
        span: measures the launched work, as `transfer` and `data`.
    """

    def __init__(
        self,
        loader: Iterable[Batch],
        device: Device,
        *,
        reuses_buffers: bool = False,
        device_transform: DeviceTransform | None = None,
        chunk: Chunk | None = None,
    ) -> None:
        self.span: Span = no_span
        self.loader = loader
        self._device = device
        self._reuses_buffers = reuses_buffers
        self._device_transform = device_transform
        self._split = chunk.batch_size if chunk is not None and chunk.batches > 1 else None
        self._copies = device.stream()
        self._idle: list[list[_Slot]] = []

    def __len__(self) -> int:
        """Return the number of batches of an epoch; TypeError if the loader doesn't tell enough."""
        if self._split is None:
            return len(self.loader)  # type: ignore[arg-type]  # where the loader has one
        samples = getattr(self.loader, "samples", None)
        if samples is None:
            raise TypeError("the number of samples of an epoch is unknown: the loader has no `samples`")
        return -(-int(samples) // self._split)

    def __iter__(self) -> Iterator[Batch]:
        # Every epoch uses the same memory; a second epoch at the same time gets memory of its own.
        slots = self._idle.pop() if self._idle else [_Slot(self._split) for _ in range(SLOTS)]
        device, batches = self._device, iter(self.loader)
        sent: deque[Event] = deque(maxlen=2)
        number = 0

        def send(free: Event) -> tuple[list[Batch], Event] | None:
            nonlocal number
            if self._reuses_buffers and len(sent) == 2:
                sent[0].synchronize()
            batch = next(batches, None)
            if batch is None:
                return None
            check_batch(batch)
            slot = slots[number % SLOTS]
            number += 1
            if slot.reserve(batch, device, self._device_transform):
                # Work that isn't done yet may have used the new memory before.
                free = device.event()
            with device.on(self._copies):
                self._copies.wait_event(free)
                with self.span("transfer"):
                    slot.copy(batch, device)
                sent.append(device.event())
                if self._device_transform is None:
                    return slot.deliver(), sent[-1]
                with self.span("data"):
                    slot.transform(device, self._device_transform)
                return slot.deliver(), device.event()

        try:
            before = now = device.event()
            ahead = send(now)
            while ahead is not None:
                (delivered, ready), ahead = ahead, send(before)
                # The work on the batch before last was launched before the last request.
                before = now
                device.current().wait_event(ready)
                yield from delivered
                now = device.event()
        finally:
            if self._reuses_buffers:
                for event in sent:
                    event.synchronize()
            # Later work on the current stream may use the memory for something else.
            with device.on(self._copies):
                rest = device.event()
            device.current().wait_event(rest)
            self._idle.append(slots)


class _Slot:
    """Device memory for one batch of the loader, which is overwritten again and again.

    Args:
        split: samples in each delivered batch; None delivers the loader's batch whole.
    """

    def __init__(self, split: int | None) -> None:
        self._split = split
        self._samples = 0
        self._raw = self._labels = self._out = torch.empty(0, device="cpu")
        # Delivered batches of a full slot, and the memory of the samples that it holds now.
        self._whole: list[Batch] = []
        self._parts: tuple[torch.Tensor, torch.Tensor, torch.Tensor] = self._raw, self._labels, self._out

    def reserve(self, batch: Batch, device: Device, device_transform: DeviceTransform | None) -> bool:
        """Make room for a batch; return whether that took new memory."""
        self._samples = len(batch[1])
        new = not (_fits(self._raw, batch[0]) and _fits(self._labels, batch[1]))
        if new:
            # An inference tensor could only be overwritten in inference mode.
            with torch.inference_mode(False):
                self._raw, self._labels = (device.empty(tuple(part.shape), part.dtype) for part in batch)
                self._out = self._raw
                if device_transform is not None:
                    self._out = device.empty(device_transform.shape(tuple(batch[0].shape)), torch.float32)
                self._whole = self._cut()
        self._parts = self._raw, self._labels, self._out
        if self._samples < len(self._labels):
            raw, labels, out = (part[: self._samples] for part in self._parts)
            self._parts = raw, labels, out
        return new

    def copy(self, batch: Batch, device: Device) -> None:
        """Launch the copy of a batch."""
        raw, labels, _ = self._parts
        device.copy(raw, batch[0])
        device.copy(labels, batch[1])

    def transform(self, device: Device, device_transform: DeviceTransform) -> None:
        """Launch the work on the copied pictures."""
        raw, _, out = self._parts
        device.launch(lambda: device_transform(raw, out))

    def deliver(self) -> list[Batch]:
        """Return the batches that the slot holds."""
        return self._whole if self._samples == len(self._labels) else self._cut()

    def _cut(self) -> list[Batch]:
        images, labels = self._out[: self._samples], self._labels[: self._samples]
        if self._split is None:
            return [(images, labels)]
        parts = (torch.split(part, self._split) for part in (images, labels))
        return list(zip(*parts, strict=True))


def _fits(room: torch.Tensor, of: torch.Tensor) -> bool:
    return room.dtype == of.dtype and room.shape[1:] == of.shape[1:] and len(room) >= len(of)
