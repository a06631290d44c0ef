"""An epoch timed on the device, by CUDA events, and looked at there: in a pass of its own.

Events and looks take time of the host and of the device, which a timed epoch must not pay for.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Protocol

import numpy as np
import torch

from bench.witness import Grid, Record
from loaders.device import Span
from loaders.pipeline import Pipeline, Watched
from model.train_step import TrainStep

# Events are kept until the epoch is over: of more spans than these, nothing is told.
MOST_SPANS = 100_000
NAMES = ("data", "transfer", "step")


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
        self._spans: dict[str, list[tuple[TimedEvent, TimedEvent]]] = {name: [] for name in NAMES}
        self._count = 0

    @contextmanager
    def span(self, name: str) -> Iterator[None]:
        """Measure what is launched on the current stream within the context."""
        self._count += 1
        if self._count > MOST_SPANS:
            yield
            return
        start, end = self._event(), self._event()
        start.record()
        yield
        end.record()
        self._spans[name].append((start, end))

    def seconds(self) -> dict[str, float | None]:
        """The sum of each name's spans, once the device is done; None where there were too many."""
        if self._count > MOST_SPANS:
            return dict.fromkeys(NAMES)
        return {
            name: sum(start.elapsed_time(end) for start, end in spans) * 1e-3
            for name, spans in self._spans.items()
        }


class DeviceWitness:
    """Keeps of every batch, on the device, what tells its samples; it is read when the epoch is over.

    So a batch is seen as the step found it, without a wait that would hide that it came too late.
    """

    def __init__(self, grid: Grid, shape: tuple[int, ...], samples: int, device: str) -> None:
        self._where = (slice(None), 0, grid.rows, grid.columns)
        self._shape = shape
        self._sizes: list[int] = []
        self._seen = 0
        self._odd: str | None = None
        picture = torch.empty(shape[1:])[grid.rows, grid.columns].shape
        self._pixels = torch.empty((samples, *picture), device=device)
        self._labels = torch.empty(samples, dtype=torch.int64, device=device)
        self._range = torch.zeros(2, device=device)

    def __call__(self, images: torch.Tensor, labels: torch.Tensor) -> None:
        """Keep a batch; what is delivered beyond the samples there are goes by unseen."""
        seen = self._seen
        end = seen + len(labels)
        if images.dtype != torch.float32 or images.shape[1:] != self._shape or labels.dtype != torch.int64:
            self._odd = f"batches of {images.dtype} {tuple(images.shape)} and {labels.dtype} on the device"
        if self._odd is not None or end > len(self._labels):
            return
        self._pixels[seen:end].copy_(images[self._where])
        self._labels[seen:end].copy_(labels)
        low, high = self._range.unbind()
        torch.minimum(low, images.min(), out=low)
        torch.maximum(high, images.max(), out=high)
        self._sizes.append(len(labels))
        self._seen = end

    def record(self, batches: int, samples: int) -> Record:
        """What was seen of an epoch that delivered so many; this waits for the device."""
        seen = self._seen
        low, high = self._range.tolist()
        return Record(
            pixels=self._pixels[:seen].cpu().numpy(),
            labels=self._labels[:seen].cpu().numpy(),
            means=np.full(seen, np.nan, np.float32),
            sizes=tuple(self._sizes),
            low=low,
            high=high,
            odd=self._odd,
            batches=batches,
            samples=samples,
        )


class WatchedStep:
    """A step within spans, after which a witness looks at the batch.

    A step that has spans of its own, as it puts batches off, measures itself.
    """

    def __init__(self, step: TrainStep, timer: DeviceTimer, witness: DeviceWitness) -> None:
        self._step = step
        self._timer = timer
        self._witness = witness
        self._own = isinstance(step, Watched)

    def __call__(self, images: torch.Tensor, labels: torch.Tensor) -> None:
        """Train on a batch, and look at it."""
        if self._own:
            self._step(images, labels)
        else:
            with self._timer.span("step"):
                self._step(images, labels)
        self._witness(images, labels)


def watch(pipeline: Pipeline, step: TrainStep, span: Span) -> None:
    """Have all that the pipeline and the step launch be launched within spans."""
    pipeline.watch(span)
    if isinstance(step, Watched):
        step.span = span


def columns(on_device: Mapping[str, float | None]) -> dict[str, Any]:
    """What a row's columns hold where it is timed by events."""
    return {
        "timed_by": "events",
        "data_wait_s": on_device["data"],
        "data_wait_median_s": None,
        "data_wait_p99_s": None,
        "transfer_s": on_device["transfer"],
        "step_s": on_device["step"],
    }
