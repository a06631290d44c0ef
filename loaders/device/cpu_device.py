"""CpuDevice: the CPU in the place of a device."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import torch

CPU = torch.device("cpu")


class DoneEvent:
    """An event that has happened."""

    def synchronize(self) -> None:
        """Return at once."""


class PromptStream:
    """A stream that has done its work."""

    def wait_event(self, event: Any) -> None:
        """Do nothing."""


class CpuDevice:
    """The CPU as a device whose work is done as soon as it is launched."""

    torch_device = CPU

    def empty_like(self, of: torch.Tensor) -> torch.Tensor:
        """Return uninitialised memory for a tensor."""
        return torch.empty_like(of, device=CPU)

    def empty(self, shape: tuple[int, ...], dtype: torch.dtype) -> torch.Tensor:
        """Return uninitialised memory."""
        return torch.empty(shape, dtype=dtype, device=CPU)

    def stream(self) -> PromptStream:
        """Make another stream."""
        return PromptStream()

    def current(self) -> PromptStream:
        """Return the current stream."""
        return PromptStream()

    def on(self, stream: Any) -> AbstractContextManager[object]:
        """Return a context in which `stream` is the current one."""
        del stream
        return nullcontext()

    def event(self) -> DoneEvent:
        """Return an event that has happened."""
        return DoneEvent()

    def copy(self, to: torch.Tensor, of: torch.Tensor) -> None:
        """Copy a tensor."""
        to.copy_(of)

    def move(self, of: torch.Tensor, *, non_blocking: bool) -> torch.Tensor:
        """Return the tensor itself."""
        del non_blocking
        return of

    def launch(self, work: Callable[[], object]) -> None:
        """Do the work."""
        work()
