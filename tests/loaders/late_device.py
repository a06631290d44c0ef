"""LateDevice: a simulated device in the CPU's memory, whose streams do their work as late as allowed.

Code that forgets to wait finds old or later values.
"""

from __future__ import annotations

import random
import weakref
from collections import defaultdict, deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch


@dataclass(eq=False)
class LateEvent:
    """Event that happens when its stream reaches it."""

    device: LateDevice
    happened: bool = False

    def synchronize(self) -> None:
        """Let streams work until the event has happened."""
        self.device.work_until(lambda: self.happened)


@dataclass(eq=False)
class LateStream:
    """Stream: work, and events to wait for, in order."""

    work: deque[Callable[[], object] | LateEvent] = field(default_factory=deque)

    def wait_event(self, event: LateEvent) -> None:
        """Delay later work until the event has happened."""
        self.work.append(event)

    def step(self) -> bool:
        """Do the next piece of work; return False if there is none, or it must wait."""
        if not self.work:
            return False
        if isinstance(self.work[0], LateEvent):
            if self.work[0].happened:
                self.work.popleft()
                return True
            return False
        self.work.popleft()()
        return True


class Lease(np.ndarray):  # type: ignore[type-arg]
    """A view of a block of memory that lives as long as the tensors made from it."""


class LateDevice:
    """Device whose streams work only when they must, in a random order.

    New memory holds poison values, so that a missing copy is seen. Memory whose last tensor is gone is given
    to the next tensor of its size at once, as torch's allocator does: the stream that it was made for may not
    have done its work on it yet, and writes poison in the order of that work. Copies, and steps that use
    `alias`, keep no tensor alive.
    """

    def __init__(self, seed: int = 0) -> None:
        self.main = LateStream()
        self.streams = [self.main]
        self._current = self.main
        self._random = random.Random(seed)
        self.made = 0
        self._blocks: dict[int, np.ndarray[Any, Any]] = {}
        self._free: dict[tuple[LateStream, int], list[np.ndarray[Any, Any]]] = defaultdict(list)

    @property
    def torch_device(self) -> torch.device:
        return torch.device("cpu")

    def empty(self, shape: tuple[int, ...], dtype: torch.dtype) -> torch.Tensor:
        return self.empty_like(torch.empty(shape, dtype=dtype, device="meta"))

    def empty_like(self, of: torch.Tensor) -> torch.Tensor:
        like = torch.empty_like(of, device="meta")
        free = self._free[self._current, max(1, like.nbytes)]
        poison = 113 if like.dtype == torch.uint8 else -1
        is_new = not free
        block = np.empty(max(1, like.nbytes), np.uint8) if is_new else free.pop()
        self.made += is_new
        self._blocks[block.ctypes.data] = block
        lease = block.view(Lease)
        weakref.finalize(lease, free.append, block)
        memory = torch.empty(0, dtype=like.dtype, device="cpu").set_(
            torch.from_numpy(lease).untyped_storage(), 0, like.shape, like.stride()
        )
        if is_new:
            self.alias(memory).fill_(poison)
        else:
            filled = self.alias(memory)
            self.launch(lambda: filled.fill_(poison))
        return memory

    def alias(self, tensor: torch.Tensor) -> torch.Tensor:
        """Return a tensor over the same memory that doesn't keep it, as a launched kernel doesn't."""
        block = self._blocks.get(tensor.untyped_storage().data_ptr())
        if block is None:
            return tensor
        # A kernel may write in any mode.
        with torch.inference_mode(False):
            storage = torch.from_numpy(block).untyped_storage()
            return torch.empty(0, dtype=tensor.dtype, device="cpu").set_(
                storage, tensor.storage_offset(), tensor.shape, tensor.stride()
            )

    def stream(self) -> LateStream:
        self.streams.append(LateStream())
        return self.streams[-1]

    def current(self) -> LateStream:
        return self._current

    @contextmanager
    def on(self, stream: LateStream) -> Iterator[None]:
        before, self._current = self._current, stream
        yield
        self._current = before

    def event(self) -> LateEvent:
        event = LateEvent(self)

        def happen() -> None:
            event.happened = True

        self._current.work.append(happen)
        return event

    def copy(self, to: torch.Tensor, of: torch.Tensor) -> None:
        # Neither side is looked at before its turn. The host's allocator keeps page-locked memory until then.
        target = self.alias(to)
        self._current.work.append(lambda: target.copy_(of))

    def move(self, of: torch.Tensor, *, non_blocking: bool) -> torch.Tensor:
        to = self.empty_like(of)
        self.copy(to, of)
        if not non_blocking:
            self.event().synchronize()
        return to

    def launch(self, work: Callable[[], object]) -> None:
        self._current.work.append(work)

    def work_until(self, reached: Callable[[], bool]) -> None:
        """Work in a random order until `reached` returns True; a deadlock is an error."""
        while not reached():
            able = self._random.sample(self.streams, len(self.streams))
            if not any(stream.step() for stream in able):
                raise AssertionError("every stream waits for another")

    def work_a_little(self) -> None:
        """Do some of the launched work, as a faster device would."""
        for stream in self._random.choices(self.streams, k=self._random.randrange(4)):
            stream.step()

    def synchronize(self) -> None:
        """Do all work."""
        self.work_until(lambda: not any(stream.work for stream in self.streams))


class PromptDevice(LateDevice):
    """Device that does everything at once, for tests of the values alone."""

    def copy(self, to: torch.Tensor, of: torch.Tensor) -> None:
        to.copy_(of)

    def launch(self, work: Callable[[], object]) -> None:
        work()
