"""Device: what loaders ask of a CUDA device and its streams.

Few operations in one place, so that tests can put a device here whose streams run as late as they may.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import Any, Protocol

import torch

# What measures the work that is launched within it, by what it is called: data, transfer or step.
Span = Callable[[str], AbstractContextManager[object]]
_NOTHING = nullcontext()


def no_span(name: str) -> AbstractContextManager[object]:
    """Measures nothing."""
    del name
    return _NOTHING


class Event(Protocol):
    """A place in a stream's work."""

    def synchronize(self) -> None:
        """Return once all before it is done."""


class Stream(Protocol):
    """Work of a device that is done one after another, beside that of other streams."""

    def wait_event(self, event: Any) -> None:
        """Do what is launched from now on after all that is before the event."""


class Device(Protocol):
    """A device and its streams. What is launched is done in the order of its stream, and later."""

    def empty(self, shape: tuple[int, ...], dtype: torch.dtype) -> torch.Tensor:
        """Memory of the device, for the current stream's use."""

    def stream(self) -> Stream:
        """Another stream."""

    def current(self) -> Stream:
        """The one that work is launched on."""

    def on(self, stream: Any) -> AbstractContextManager[object]:
        """Launch on that stream, while the context lasts."""

    def event(self) -> Event:
        """The place after all that was launched on the current stream so far."""

    def copy(self, to: torch.Tensor, of: torch.Tensor) -> None:
        """Launch a copy from the host; one out of ordinary memory may wait for it."""

    def moved(self, of: torch.Tensor, *, non_blocking: bool) -> torch.Tensor:
        """`of.to(device, non_blocking=...)`."""

    def launch(self, work: Callable[[], object]) -> None:
        """Have the device do this."""


class CudaDevice:
    """The CUDA device of that name, such as `cuda` for the current one. RuntimeError where there is none."""

    def __init__(self, name: str = "cuda") -> None:
        self._device = torch.device(name)
        if self._device.type != "cuda":
            raise ValueError(f"device is {name!r}, expected cuda or cuda:N")
        if not torch.cuda.is_available():
            raise RuntimeError("no CUDA device here (torch.cuda.is_available() is False)")

    def empty(self, shape: tuple[int, ...], dtype: torch.dtype) -> torch.Tensor:
        """Memory of the device, for the current stream's use."""
        return torch.empty(shape, dtype=dtype, device=self._device)

    def stream(self) -> torch.cuda.Stream:
        """Another stream."""
        return torch.cuda.Stream(self._device)  # type: ignore[no-untyped-call]

    def current(self) -> torch.cuda.Stream:
        """The one that work is launched on."""
        return torch.cuda.current_stream(self._device)

    def on(self, stream: Any) -> AbstractContextManager[object]:
        """Launch on that stream, while the context lasts."""
        return torch.cuda.stream(stream)

    def event(self) -> torch.cuda.Event:
        """The place after all that was launched on the current stream so far."""
        event = torch.cuda.Event()  # type: ignore[no-untyped-call]
        event.record(self.current())
        return event

    def copy(self, to: torch.Tensor, of: torch.Tensor) -> None:
        """Launch a copy from the host; one out of ordinary memory may wait for it."""
        to.copy_(of, non_blocking=True)

    def moved(self, of: torch.Tensor, *, non_blocking: bool) -> torch.Tensor:
        """`of.to(device, non_blocking=...)`."""
        return of.to(self._device, non_blocking=non_blocking)

    def launch(self, work: Callable[[], object]) -> None:
        """Have the device do this."""
        work()
