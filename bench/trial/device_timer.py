"""DeviceTimer: how long the device takes for the spans of an epoch, by CUDA events."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Protocol

import torch

# Events are kept until the epoch is over: of more spans than these, nothing is told.
MAX_SPANS = 100_000
SPAN_NAMES = ("data", "transfer", "step")


class TimedEvent(Protocol):
    """A place in a stream's work, and when the device came to it."""

    def record(self) -> None:
        """Be the place after all that was launched on the current stream so far."""

    def elapsed_time(self, end: Any) -> float:
        """Milliseconds until the device came to another one."""


def cuda_event() -> TimedEvent:
    """An event that tells when the device came to it."""
    event: TimedEvent = torch.cuda.Event(enable_timing=True)  # type: ignore[no-untyped-call]
    return event


class DeviceTimer:
    """Adds up how long the device took for what was launched within spans of the same name.

    In a span are also the moments in which the device waits for the host to launch more of it; not that in
    which a stream waits for another one before.
    """

    def __init__(self, event: Callable[[], TimedEvent] = cuda_event) -> None:
        self._event = event
        self._spans: dict[str, list[tuple[TimedEvent, TimedEvent]]] = {name: [] for name in SPAN_NAMES}
        self._count = 0

    @contextmanager
    def span(self, name: str) -> Iterator[None]:
        """Measure what is launched on the current stream within the context."""
        self._count += 1
        if self._count > MAX_SPANS:
            yield
            return
        start, end = self._event(), self._event()
        start.record()
        yield
        end.record()
        self._spans[name].append((start, end))

    def seconds(self) -> dict[str, float | None]:
        """The sum of each name's spans, once the device is done; None where there were too many."""
        if self._count > MAX_SPANS:
            return dict.fromkeys(SPAN_NAMES)
        return {
            name: sum(start.elapsed_time(end) for start, end in spans) * 1e-3
            for name, spans in self._spans.items()
        }
