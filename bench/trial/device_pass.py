"""The device pass: an epoch whose work on the GPU is timed by CUDA events, and inspected there.

Events and inspections take time of the host and of the device, so this epoch is none of the timed ones.
"""

from __future__ import annotations

from typing import Any

from bench.trial.device_timer import DeviceTimer
from bench.trial.measure import Consumer
from bench.trial.training import Step
from loaders.device.device import Span
from loaders.device.pipeline import Pipeline, Watched


class TimedStep:
    """A step within a timer's span.

    A step that puts batches off has spans of its own, and is called as it is.
    """

    def __init__(self, step: Consumer, timer: DeviceTimer) -> None:
        """Wrap a step.

        Args:
            step: the step to call.
            timer: takes the step's span.
        """
        self._step = step
        self._timer = timer
        self._has_spans = isinstance(step, Watched)

    def __call__(self, batch: Any) -> None:
        """Train on a batch."""
        if self._has_spans:
            self._step(batch)
        else:
            with self._timer.span("step"):
                self._step(batch)


def set_span(pipeline: Pipeline, step: Step, span: Span) -> None:
    """Have the pipeline and the step launch all their work within spans."""
    pipeline.watch(span)
    if isinstance(step, Watched):
        step.span = span
