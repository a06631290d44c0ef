"""DeviceTimer: the device's time for the parts of an epoch, by CUDA events."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Protocol

import torch

# Events are kept until the epoch is over. With more spans than this, no time is given.
MAX_SPANS = 100_000
SPAN_NAMES = ("data", "transfer", "step")


class TimedEvent(Protocol):
    """A place in a stream's work, and the time at which the device reached it."""

    def record(self) -> None:
        """Become the place after all work launched on the current stream so far."""

    def elapsed_time(self, end: Any) -> float:
        """Return the milliseconds until the device reached another event."""


def make_cuda_event() -> TimedEvent:
    """Return a CUDA event that keeps its time."""
    event: TimedEvent = torch.cuda.Event(enable_timing=True)  # type: ignore[no-untyped-call]
    return event


class DeviceTimer:
    """A sum of the device's time for each name of a span.

    A span holds the moments in which the device waits for the host to launch more of it. It does not hold the
    moments in which its stream waits for another one before.
    """

    def __init__(self, event: Callable[[], TimedEvent] = make_cuda_event) -> None:
        """Start with no spans.

        Args:
            event: makes an event.
        """
        self._event = event
        self._spans: dict[str, list[tuple[TimedEvent, TimedEvent]]] = {name: [] for name in SPAN_NAMES}
        self._count = 0

    @contextmanager
    def span(self, name: str) -> Iterator[None]:
        """Time the work that is launched on the current stream within the context."""
        self._count += 1
        if self._count > MAX_SPANS:
            yield
            return
        start, end = self._event(), self._event()
        start.record()
        yield
        end.record()
        self._spans[name].append((start, end))

    def read_seconds(self) -> dict[str, float | None]:
        """Return the seconds of each name's spans, once the device is done; None for too many spans."""
        if self._count > MAX_SPANS:
            return dict.fromkeys(SPAN_NAMES)
        return {
            name: sum(start.elapsed_time(end) for start, end in spans) * 1e-3
            for name, spans in self._spans.items()
        }
