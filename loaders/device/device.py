"""Device: the operations of a CUDA device and its streams that loaders use.

They are few and in one place, so that tests can put a simulated device here.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import Any, Protocol

import torch

Span = Callable[[str], AbstractContextManager[object]]
"""Makes a context that measures the device work launched in it, named `data`, `transfer` or `step`."""

_NOTHING = nullcontext()


def no_span(name: str) -> AbstractContextManager[object]:
    """Return a context that measures nothing."""
    del name
    return _NOTHING


class Event(Protocol):
    """A point in the work of a stream."""

    def synchronize(self) -> None:
        """Wait until all work before the event is done."""


class Stream(Protocol):
    """Work that a device does in order, beside the work of its other streams."""

    def wait_event(self, event: Any) -> None:
        """Delay the work launched from now on until the event has happened."""


class Device(Protocol):
    """A device and its streams: work is done later than it is launched, in the order of its stream."""

    @property
    def torch_device(self) -> torch.device:
        """The device of its tensors."""

    def empty_like(self, of: torch.Tensor) -> torch.Tensor:
        """Return uninitialised memory of the device for a tensor, for use on the current stream."""

    def empty(self, shape: tuple[int, ...], dtype: torch.dtype) -> torch.Tensor:
        """Return uninitialised memory of the device, for use on the current stream."""

    def stream(self) -> Stream:
        """Make another stream."""

    def current(self) -> Stream:
        """Return the current stream, on which work is launched."""

    def on(self, stream: Any) -> AbstractContextManager[object]:
        """Return a context in which `stream` is the current one."""

    def event(self) -> Event:
        """Record an event after all work launched on the current stream so far."""

    def copy(self, to: torch.Tensor, of: torch.Tensor) -> None:
        """Launch a copy from the host; the call may block if `of` is not in page-locked memory."""

    def move(self, of: torch.Tensor, *, non_blocking: bool) -> torch.Tensor:
        """Return `of.to(device, non_blocking=...)`."""

    def launch(self, work: Callable[[], object]) -> None:
        """Launch the kernels of `work` on the current stream."""


class CudaDevice:
    """A CUDA device.

    Args:
        name: `cuda` for the current device, or `cuda:N`.

    Raises:
        ValueError: the name is no CUDA device's.
        RuntimeError: there is no CUDA device here.
    """

    def __init__(self, name: str = "cuda") -> None:
        self._device = torch.device(name)
        if self._device.type != "cuda":
            raise ValueError(f"device is {name!r}, expected cuda or cuda:N")
        if not torch.cuda.is_available():
            raise RuntimeError("no CUDA device here (torch.cuda.is_available() is False)")

    @property
    def torch_device(self) -> torch.device:
        """The device of its tensors."""
        return self._device

    def empty_like(self, of: torch.Tensor) -> torch.Tensor:
        """Return uninitialised memory of the device for a tensor, for use on the current stream."""
        return torch.empty_like(of, device=self._device)

    def empty(self, shape: tuple[int, ...], dtype: torch.dtype) -> torch.Tensor:
        """Return uninitialised memory of the device, for use on the current stream."""
        return torch.empty(shape, dtype=dtype, device=self._device)

    def stream(self) -> torch.cuda.Stream:
        """Make another stream."""
        return torch.cuda.Stream(self._device)  # type: ignore[no-untyped-call]

    def current(self) -> torch.cuda.Stream:
        """Return the current stream, on which work is launched."""
        return torch.cuda.current_stream(self._device)

    def on(self, stream: Any) -> AbstractContextManager[object]:
        """Return a context in which `stream` is the current one."""
        return torch.cuda.stream(stream)

    def event(self) -> torch.cuda.Event:
        """Record an event after all work launched on the current stream so far."""
        event = torch.cuda.Event()  # type: ignore[no-untyped-call]
        event.record(self.current())
        return event

    def copy(self, to: torch.Tensor, of: torch.Tensor) -> None:
        """Launch a copy from the host; the call may block if `of` is not in page-locked memory."""
        to.copy_(of, non_blocking=True)

    def move(self, of: torch.Tensor, *, non_blocking: bool) -> torch.Tensor:
        """Return `of.to(device, non_blocking=...)`."""
        return of.to(self._device, non_blocking=non_blocking)

    def launch(self, work: Callable[[], object]) -> None:
        """Launch the kernels of `work` on the current stream."""
        work()
