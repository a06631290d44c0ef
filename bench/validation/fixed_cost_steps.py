"""Steps with planned costs, and the workloads and trials that have them."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from bench.trial.epoch_report import EpochReport
from bench.trial.training import Step
from bench.trial.trial import Trial
from bench.validation.waiting import wait_until
from bench.workloads.fashion_mnist import FashionMnist
from loaders.data.batch import Batch
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

    def __call__(self, batch: Batch) -> None:
        """Wait, counted from the entry."""
        del batch
        wait_until(time.perf_counter_ns(), self.seconds)

    def mean_loss(self) -> None:
        """Return None: nothing is learnt."""

    def reset(self) -> None:
        """Do nothing."""

    def flush(self) -> None:
        """Do nothing."""


@dataclass(frozen=True)
class FixedCostWorkload(FashionMnist):
    """A workload with a step of planned length.

    Attributes:
        step_s: length of a step, in seconds.
    """

    step_s: float = 0.0

    def __getstate__(self) -> dict[str, Any]:
        return {**super().__getstate__(), "step_s": self.step_s}

    def make_step(self, trial: Trial, source: ImageSplit, pipeline: Pipeline) -> Step:
        """Return the step, whatever the data."""
        del trial, source, pipeline
        return FixedCostStep(self.step_s)


@dataclass(frozen=True)
class PausingTrial(Trial):
    """A trial that sleeps between its epochs.

    Attributes:
        pause_s: time before each epoch but the first, in seconds.
    """

    pause_s: float = 0.0

    def run(self) -> Iterator[EpochReport]:
        """Measure one epoch after another, with a pause between them."""
        reports = super().run()
        assert isinstance(reports, Iterator)
        for report in reports:
            yield report
            time.sleep(self.pause_s)
