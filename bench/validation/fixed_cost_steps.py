"""Steps whose cost is planned, and the trials that run them."""

from __future__ import annotations

import time
from dataclasses import dataclass

import torch

from bench.trial.trial import Trial
from bench.validation.waiting import wait_until
from loaders.data.image_split import ImageSplit
from loaders.device.pipeline import Pipeline


@dataclass(frozen=True)
class FixedCostStep:
    """A train step that learns nothing and takes seconds; 0 for none."""

    seconds: float
    model = None

    def __call__(self, images: torch.Tensor, labels: torch.Tensor) -> None:
        """Wait, counted from the entry."""
        del images, labels
        wait_until(time.perf_counter_ns(), self.seconds)

    def mean_loss(self) -> None:
        """None: nothing is learnt."""

    def reset(self) -> None:
        """Do nothing."""

    def flush(self) -> None:
        """Do nothing."""


@dataclass(frozen=True)
class FixedCostTrial(Trial):
    """A trial with a step of known length."""

    step_s: float = 0.0

    def make_step(self, source: ImageSplit, pipeline: Pipeline) -> FixedCostStep:
        """That step, whatever the data."""
        del source, pipeline
        return FixedCostStep(self.step_s)
