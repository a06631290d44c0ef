"""NestedPrefetcher: copies batches of any form to the device ahead of the training loop."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from typing import Any

import torch

from loaders.data.nested_batch import move, move_parts
from loaders.device.device import CudaDevice, Device, Event, Span, Stream, no_span

_NO_BATCH = object()


class NestedPrefetcher:
    """Loader that copies batch n+1 to a device, on a stream of its own, while the loop works on batch n.

    A batch has memory of its own and stays valid. Use it on the stream that is current when it is requested,
    as any tensor of torch. Copies run beside other work only out of page-locked memory. Objects that move
    themselves by `.to()`, and tensors that are not plain ones, are copied on the current stream.

    Args:
        loader: an iterable of batches in the host's memory, such as a DataLoader.
        device: destination, a Device or its name; default `cuda`.
        reuses_buffers: whether the loader overwrites batch n once batch n+2 is requested; it is then asked
            for a batch only after the memory that it will overwrite has been copied. Default: the loader's
            attribute of that name, else False.

    Attributes:
        loader: the iterable whose batches are copied.
        span: measures the launched work, as `transfer`.

    Raises:
        ValueError: the name is no CUDA device's.
        RuntimeError: there is no CUDA device here.
    """

    def __init__(
        self, loader: Iterable[Any], device: Device | str = "cuda", *, reuses_buffers: bool | None = None
    ) -> None:
        self.span: Span = no_span
        self.loader = loader
        self._device: Device = CudaDevice(device) if isinstance(device, str) else device
        if reuses_buffers is None:
            # A loader of a user's may answer any name.
            reuses_buffers = getattr(loader, "reuses_buffers", False) is True
        self._reuses_buffers = reuses_buffers
        self._copies: Stream = self._device.stream()

    def __len__(self) -> int:
        """Return the number of batches of an epoch; TypeError if the loader has no length."""
        return len(self.loader)  # type: ignore[arg-type]  # where the loader has one

    def __iter__(self) -> Iterator[Any]:
        # The workers of a DataLoader start here, and not with the first batch.
        return self._deliver(iter(self.loader))

    def _deliver(self, batches: Iterator[Any]) -> Iterator[Any]:
        current, sent = self._device.current, deque[Event](maxlen=2)
        try:
            ahead = self._send(batches, sent)
            while ahead is not None:
                (batch, copied), ahead = ahead, self._send(batches, sent)
                current().wait_event(copied)
                yield batch
                # Its memory may be used again as soon as the loop drops it.
                del batch
        finally:
            if self._reuses_buffers:
                for event in sent:
                    event.synchronize()
            # Later work on the current stream may use the memory of a batch that nobody requested.
            with self._device.on(self._copies):
                rest = self._device.event()
            current().wait_event(rest)

    def _send(self, batches: Iterator[Any], sent: deque[Event]) -> tuple[Any, Event] | None:
        """Launch the copy of the next batch, and return it with the event of its end; None for the last."""
        if self._reuses_buffers and len(sent) == 2:
            sent[0].synchronize()
        batch = next(batches, _NO_BATCH)
        if batch is _NO_BATCH:
            return None
        device, pairs = self._device, list[tuple[torch.Tensor, torch.Tensor]]()

        def place(part: torch.Tensor) -> torch.Tensor:
            if not _is_plain(part):
                return move(part, device.torch_device, non_blocking=True)
            # Memory of the current stream returns to it when the batch is dropped, in the order of its work.
            pairs.append((device.empty_like(part), part))
            return pairs[-1][0]

        moved = move_parts(batch, place, lambda part: _move_object(part, device))
        free = device.event()
        with device.on(self._copies):
            # Work that isn't done yet may have used the new memory before.
            self._copies.wait_event(free)
            with self.span("transfer"):
                for to, of in pairs:
                    device.copy(to, of)
            sent.append(device.event())
        return moved, sent[-1]


def _is_plain(part: torch.Tensor) -> bool:
    """Return whether a tensor is one block of the host's memory, without a class or a gradient of its own."""
    usual = type(part) is torch.Tensor and part.layout == torch.strided and not part.is_nested
    return usual and part.device.type == "cpu" and not part.is_quantized and not part.requires_grad


def _move_object(part: Any, device: Device) -> Any:
    return move(part, device.torch_device, non_blocking=True)
