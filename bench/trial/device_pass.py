"""The device pass: an epoch whose work on the GPU is timed by CUDA events, and inspected there.

Events and inspections take time of the host and of the device, so this epoch is none of the timed ones.
"""

from __future__ import annotations

import torch

from bench.trial.device_timer import DeviceTimer
from bench.trial.measure import Consumer
from loaders.device.device import Span
from loaders.device.pipeline import Pipeline, Watched
from model.train_step import TrainStep


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

    def __call__(self, images: torch.Tensor, labels: torch.Tensor) -> None:
        """Train on a batch."""
        if self._has_spans:
            self._step(images, labels)
        else:
            with self._timer.span("step"):
                self._step(images, labels)


def set_span(pipeline: Pipeline, step: TrainStep, span: Span) -> None:
    """Have the pipeline and the step launch all their work within spans."""
    pipeline.watch(span)
    if isinstance(step, Watched):
        step.span = span
