"""An epoch timed on the device, by CUDA events, and looked at there: in a pass of its own.

Events and looks take time of the host and of the device, which a timed epoch must not pay for.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch

from bench.trial.device_inspector import DeviceInspector
from bench.trial.device_timer import DeviceTimer
from loaders.device.device import Span
from loaders.device.pipeline import Pipeline, Watched
from model.train_step import TrainStep


class InspectedStep:
    """A step within spans, after which a witness looks at the batch.

    A step that has spans of its own, as it puts batches off, measures itself.
    """

    def __init__(self, step: TrainStep, timer: DeviceTimer, witness: DeviceInspector) -> None:
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


def set_span(pipeline: Pipeline, step: TrainStep, span: Span) -> None:
    """Have all that the pipeline and the step launch be launched within spans."""
    pipeline.watch(span)
    if isinstance(step, Watched):
        step.span = span


def device_columns(on_device: Mapping[str, float | None]) -> dict[str, Any]:
    """What a row's columns hold where it is timed by events."""
    return {
        "timed_by": "events",
        "data_wait_s": on_device["data"],
        "data_wait_median_s": None,
        "data_wait_p99_s": None,
        "transfer_s": on_device["transfer"],
        "step_s": on_device["step"],
    }
