"""Steps with planned costs, and the trials that run them."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass

import torch

from bench.trial.epoch_report import EpochReport
from bench.trial.trial import Trial
from bench.validation.waiting import wait_until
from loaders.data.image_split import ImageSplit
from loaders.device.pipeline import Pipeline


@dataclass(frozen=True)
class FixedCostStep:
    """A train step that learns nothing.

    Attributes:
        seconds: length of a step.
    """

    seconds: float
    model = None

    def __call__(self, images: torch.Tensor, labels: torch.Tensor) -> None:
        """Wait, counted from the entry."""
        del images, labels
        wait_until(time.perf_counter_ns(), self.seconds)

    def mean_loss(self) -> None:
        """Return None: nothing is learnt."""

    def reset(self) -> None:
        """Do nothing."""

    def flush(self) -> None:
        """Do nothing."""


@dataclass(frozen=True)
class FixedCostTrial(Trial):
    """A trial with a step of planned length.

    Attributes:
        step_s: length of a step, in seconds.
        pause_s: time that the trial sleeps before each epoch but the first, in seconds.
    """

    step_s: float = 0.0
    pause_s: float = 0.0

    def make_step(self, source: ImageSplit, pipeline: Pipeline) -> FixedCostStep:
        """Return the step, whatever the data."""
        del source, pipeline
        return FixedCostStep(self.step_s)

    def run(self) -> Iterator[EpochReport]:
        """Measure one epoch after another, with a pause between them."""
        for report in super().run():
            yield report
            time.sleep(self.pause_s)
