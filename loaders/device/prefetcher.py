"""Prefetcher: batches copied to a device ahead of the loop."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator

import torch

from loaders.data.batch import Batch
from loaders.device.batch_transfer import check
from loaders.device.device import Device, Event, Span, no_span
from loaders.device.device_transform import DeviceTransform

# Work on two delivered batches may not be done yet while the next two are copied.
SLOTS = 4


class Prefetcher:
    """Batches of a loader on a device, each copied there on a stream of its own while the loop still works
    on the one before it.

    A batch stays as it is until the second one after it is asked for, or the next epoch begins: then its
    memory on the device is written again, once the work on it is done that was launched by then on the
    stream which is current when batches are asked for. Copies run beside that work only out of page-locked
    memory.

    lasting: whether the loader's own batches stay as they are; where they don't, it isn't asked for the next
    one before what it will write over has been copied. finish: what is to be done to copied pictures. split:
    deliver each of the loader's batches in several of so many samples, which all stay until the last of them
    was delivered: to launch copies of small batches takes longer than they do.
    """

    def __init__(
        self,
        loader: Iterable[Batch],
        device: Device,
        *,
        reuses_buffers: bool = False,
        device_transform: DeviceTransform | None = None,
        split: int | None = None,
    ) -> None:
        self.span: Span = no_span
        self._loader = loader
        self._device = device
        self._reuses_buffers = reuses_buffers
        self._device_transform = device_transform
        self._split = split
        self._copies = device.stream()
        self._idle: list[list[_Slot]] = []

    def __len__(self) -> int:
        """The number of batches of an epoch; TypeError where the loader doesn't tell enough."""
        if self._split is None:
            return len(self._loader)  # type: ignore[arg-type]  # where the loader has one
        samples = getattr(self._loader, "samples", None)
        if samples is None:
            raise TypeError("how many samples an epoch has is not known: the loader has no `samples`")
        return -(-int(samples) // self._split)

    def __iter__(self) -> Iterator[Batch]:
        # The same memory in each epoch; an epoch that is begun beside another has its own.
        slots = self._idle.pop() if self._idle else [_Slot(self._split) for _ in range(SLOTS)]
        device, batches = self._device, iter(self._loader)
        sent: deque[Event] = deque(maxlen=2)
        number = 0

        def send(free: Event) -> tuple[list[Batch], Event] | None:
            nonlocal number
            if self._reuses_buffers and len(sent) == 2:
                sent[0].synchronize()
            batch = next(batches, None)
            if batch is None:
                return None
            check(batch)
            slot = slots[number % SLOTS]
            number += 1
            if slot.hold(batch, device, self._device_transform):
                # New memory may have been given back by work that isn't done yet.
                free = device.event()
            with device.on(self._copies):
                self._copies.wait_event(free)
                with self.span("transfer"):
                    slot.copy(batch, device)
                sent.append(device.event())
                if self._device_transform is None:
                    return slot.batches(), sent[-1]
                with self.span("data"):
                    slot.device_transform(device, self._device_transform)
                return slot.batches(), device.event()

        try:
            before = now = device.event()
            ahead = send(now)
            while ahead is not None:
                (batches_there, ready), ahead = ahead, send(before)
                # Of what was asked for two calls ago, all work has been launched before the last call.
                before = now
                device.current().wait_event(ready)
                yield from batches_there
                now = device.event()
        finally:
            if self._reuses_buffers:
                for event in sent:
                    event.synchronize()
            # What comes after on the current stream may use the memory for something else.
            with device.on(self._copies):
                rest = device.event()
            device.current().wait_event(rest)
            self._idle.append(slots)


class _Slot:
    """Memory of the device for one batch of the loader, written again and again."""

    def __init__(self, split: int | None) -> None:
        self._split = split
        self._samples = 0
        self._raw = self._labels = self._out = torch.empty(0)
        # Those of a whole batch, and of the samples that there are now.
        self._whole: list[Batch] = []
        self._parts: tuple[torch.Tensor, torch.Tensor, torch.Tensor] = self._raw, self._labels, self._out

    def hold(self, batch: Batch, device: Device, device_transform: DeviceTransform | None) -> bool:
        """Have room for a batch; whether there was too little."""
        self._samples = len(batch[1])
        new = not (_fits(self._raw, batch[0]) and _fits(self._labels, batch[1]))
        if new:
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
        """Launch its copy."""
        raw, labels, _ = self._parts
        device.copy(raw, batch[0])
        device.copy(labels, batch[1])

    def device_transform(self, device: Device, device_transform: DeviceTransform) -> None:
        """Launch what is to be done to its pictures."""
        raw, _, out = self._parts
        device.launch(lambda: device_transform(raw, out))

    def batches(self) -> list[Batch]:
        """What is delivered of it."""
        return self._whole if self._samples == len(self._labels) else self._cut()

    def _cut(self) -> list[Batch]:
        images, labels = self._out[: self._samples], self._labels[: self._samples]
        if self._split is None:
            return [(images, labels)]
        parts = (torch.split(part, self._split) for part in (images, labels))
        return list(zip(*parts, strict=True))


def _fits(room: torch.Tensor, of: torch.Tensor) -> bool:
    return room.dtype == of.dtype and room.shape[1:] == of.shape[1:] and len(room) >= len(of)
