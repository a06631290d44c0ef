"""How batches get from the host's memory to a CUDA device: one by one when they are asked for, or ahead."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator

import torch

from loaders.batch import Batch
from loaders.device import Device, Event, Span, no_span
from loaders.resize import resize

# Work on two delivered batches may not be done yet while the next two are copied.
SLOTS = 4


class Finish:
    """What is left to do on the device to pictures that crossed as uint8: they are scaled, and resized.

    side: in pixels, None to leave them as they are.
    """

    def __init__(self, side: int | None) -> None:
        self._side = side

    def shape(self, raw: tuple[int, ...]) -> tuple[int, ...]:
        """The shape of what it makes of pictures (B, 1, H, W)."""
        return raw if self._side is None else (*raw[:2], self._side, self._side)

    def __call__(self, raw: torch.Tensor, out: torch.Tensor | None = None) -> torch.Tensor:
        """float32 in [0, 1] of uint8 (B, 1, H, W), into `out` where it is given."""
        if self._side is None:
            return torch.div(raw, 255, out=out)
        images = resize(torch.div(raw[:, 0], 255), self._side, None if out is None else out[:, 0])
        return images.unsqueeze(1)


class Mover:
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
        lasting: bool = True,
        finish: Finish | None = None,
    ) -> None:
        self.span: Span = no_span
        self._device = device
        self._non_blocking = non_blocking
        self._guarded = non_blocking and not lasting
        self._finish = finish
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
        if self._finish is not None:
            with self.span("data"):
                images = self._finished(images, self._finish)
        return images, labels

    def _finished(self, raw: torch.Tensor, finish: Finish) -> torch.Tensor:
        out = self._device.empty(finish.shape(tuple(raw.shape)), torch.float32)
        self._device.launch(lambda: finish(raw, out))
        return out

    def wait(self) -> None:
        """Return once nothing of the host's memory is read any more."""
        if self._under_way is not None:
            self._under_way.synchronize()
            self._under_way = None


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
        lasting: bool = True,
        finish: Finish | None = None,
        split: int | None = None,
    ) -> None:
        self.span: Span = no_span
        self._loader = loader
        self._device = device
        self._lasting = lasting
        self._finish = finish
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
            if not self._lasting and len(sent) == 2:
                sent[0].synchronize()
            batch = next(batches, None)
            if batch is None:
                return None
            check(batch)
            slot = slots[number % SLOTS]
            number += 1
            if slot.hold(batch, device, self._finish):
                # New memory may have been given back by work that isn't done yet.
                free = device.event()
            with device.on(self._copies):
                self._copies.wait_event(free)
                with self.span("transfer"):
                    slot.copy(batch, device)
                sent.append(device.event())
                if self._finish is None:
                    return slot.batches(), sent[-1]
                with self.span("data"):
                    slot.finish(device, self._finish)
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
            if not self._lasting:
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

    def hold(self, batch: Batch, device: Device, finish: Finish | None) -> bool:
        """Have room for a batch; whether there was too little."""
        self._samples = len(batch[1])
        new = not (_fits(self._raw, batch[0]) and _fits(self._labels, batch[1]))
        if new:
            self._raw, self._labels = (device.empty(tuple(part.shape), part.dtype) for part in batch)
            self._out = self._raw
            if finish is not None:
                self._out = device.empty(finish.shape(tuple(batch[0].shape)), torch.float32)
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

    def finish(self, device: Device, finish: Finish) -> None:
        """Launch what is to be done to its pictures."""
        raw, _, out = self._parts
        device.launch(lambda: finish(raw, out))

    def batches(self) -> list[Batch]:
        """What is delivered of it."""
        return self._whole if self._samples == len(self._labels) else self._cut()

    def _cut(self) -> list[Batch]:
        images, labels = self._out[: self._samples], self._labels[: self._samples]
        if self._split is None:
            return [(images, labels)]
        parts = (torch.split(part, self._split) for part in (images, labels))
        return list(zip(*parts, strict=True))


def check(batch: object) -> None:
    """ValueError for what is no pair of tensors."""
    if not isinstance(batch, (tuple, list)) or len(batch) != 2:
        size = f" of {len(batch)}" if isinstance(batch, (tuple, list)) else ""
        raise ValueError(f"a batch is a {type(batch).__name__}{size}, expected a pair of images and labels")


def _fits(room: torch.Tensor, of: torch.Tensor) -> bool:
    return room.dtype == of.dtype and room.shape[1:] == of.shape[1:] and len(room) >= len(of)
