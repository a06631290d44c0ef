"""LateDevice: a device in the CPU's memory whose streams do what they were given as late as they may.

Whoever forgets to wait finds what was there before, or what came after.
"""

from __future__ import annotations

import random
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import torch


@dataclass(eq=False)
class LateEvent:
    """Happens when its stream comes to it."""

    device: LateDevice
    happened: bool = False

    def synchronize(self) -> None:
        """Have streams work until it has happened."""
        self.device.work_until(lambda: self.happened)


@dataclass(eq=False)
class LateStream:
    """Work, and events to wait for, in order."""

    work: deque[Callable[[], object] | LateEvent] = field(default_factory=deque)

    def wait_event(self, event: LateEvent) -> None:
        """Nothing that is launched from now on begins before it."""
        self.work.append(event)

    def step(self) -> bool:
        """Do the next thing; False where there is none, or it must wait."""
        if not self.work:
            return False
        if isinstance(self.work[0], LateEvent):
            if self.work[0].happened:
                self.work.popleft()
                return True
            return False
        self.work.popleft()()
        return True


class LateDevice:
    """Streams that work only when they must, one of those that can at random; see loaders.device.Device.

    Memory is poisoned when it is made, so that what was never copied is seen.
    """

    def __init__(self, seed: int = 0) -> None:
        self.main = LateStream()
        self.streams = [self.main]
        self._current = self.main
        self._random = random.Random(seed)
        self.made = 0

    def empty(self, shape: tuple[int, ...], dtype: torch.dtype) -> torch.Tensor:
        self.made += 1
        return torch.full(shape, 113 if dtype == torch.uint8 else -1, dtype=dtype)

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
        # Neither side is looked at before its turn.
        self._current.work.append(lambda: to.copy_(of))

    def moved(self, of: torch.Tensor, *, non_blocking: bool) -> torch.Tensor:
        to = self.empty(tuple(of.shape), of.dtype)
        self.copy(to, of)
        if not non_blocking:
            self.event().synchronize()
        return to

    def launch(self, work: Callable[[], object]) -> None:
        self._current.work.append(work)

    def work_until(self, reached: Callable[[], bool]) -> None:
        """Work in a random order until then; a deadlock is an error."""
        while not reached():
            able = self._random.sample(self.streams, len(self.streams))
            if not any(stream.step() for stream in able):
                raise AssertionError("every stream waits for another")

    def work_a_little(self) -> None:
        """Some of what could be done already, as a device that isn't late at all."""
        for stream in self._random.choices(self.streams, k=self._random.randrange(4)):
            stream.step()

    def synchronize(self) -> None:
        """Do all there is."""
        self.work_until(lambda: not any(stream.work for stream in self.streams))


class PromptDevice(LateDevice):
    """One that has done everything the moment it was launched, for tests of what arrives there at all."""

    def copy(self, to: torch.Tensor, of: torch.Tensor) -> None:
        to.copy_(of)

    def launch(self, work: Callable[[], object]) -> None:
        work()
