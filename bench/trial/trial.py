"""Trial: one configuration in one block, and its run in this process."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from bench.plan.configuration import Configuration
from bench.process.child import Push
from bench.records.row import Row
from bench.trial.device_timer import DeviceTimer
from bench.trial.epoch_report import EpochReport
from bench.trial.epoch_row import SECONDS_PER_NS
from bench.trial.workload import Workload
from loaders.spec.knobs import format_value

# Epochs of a few milliseconds are this many at most: single ones are several times as long by chance.
MAX_EPOCHS = 100


@dataclass(frozen=True)
class Trial:
    """One configuration in one block.

    Attributes:
        configuration: the loader, the step and the device.
        number: place of the configuration in the plan, from 0.
        baseline: place of the configuration that it is compared with.
        block: block of the trial, from 0.
        position: place of the trial in its block, from 0.
        workload: what is trained.
        epochs: smallest number of epochs.
        seed: decides the order of the samples and the model's start.
        learning_rate: None for the default of the loss.
        attempt: 1 for the repetition of a disturbed trial; default 0.
        audited: whether its epochs must deliver the dataset; False for a trial that measures a ceiling.
        steady_s: seconds that the epochs after the first must last together, up to MAX_EPOCHS epochs; default
            0.
        is_repeated: whether its epochs are run once more, off the clock, where that audits more of them or
            tells the memory of workers, or is timed on the device; default True.
    """

    configuration: Configuration
    number: int
    baseline: int
    block: int
    position: int
    workload: Workload
    epochs: int
    seed: int
    learning_rate: float | None = None
    attempt: int = 0
    audited: bool = True
    steady_s: float = 0.0
    is_repeated: bool = True

    def is_done(self, walls_ns: Sequence[int]) -> bool:
        """Return whether the trial has enough epochs.

        Args:
            walls_ns: length of each epoch so far, in nanoseconds.
        """
        done, most = len(walls_ns), self.workload.most_epochs
        if most is not None and done >= most:
            return True
        long_enough = sum(walls_ns[1:]) * SECONDS_PER_NS >= self.steady_s or done >= MAX_EPOCHS
        return done >= self.epochs and long_enough

    def make_row(self, epoch: int, started_at: str | None = None) -> Row:
        """Return the row of an epoch that has not been measured.

        Args:
            epoch: number of the epoch, from 0.
            started_at: start of the trial, UTC, ISO 8601.
        """
        configuration = self.configuration
        return Row(
            configuration=self.number,
            baseline=self.baseline,
            family=configuration.spec.family,
            dataset=self.workload.name,
            device=configuration.device,
            knobs={name: format_value(value) for name, value in configuration.spec.knobs().items()},
            num_threads=configuration.num_threads,
            step=configuration.step,
            loss=configuration.loss,
            cuda_graph=format_value(configuration.cuda_graph),
            block=self.block,
            position=self.position,
            attempt=self.attempt,
            epoch=epoch,
            started_at=started_at,
        )

    def make_timer(self) -> DeviceTimer:
        """Return the timer of the device pass."""
        return DeviceTimer()

    @property
    def has_device_pass(self) -> bool:
        """True if the epochs are followed by one that is timed on the device."""
        first = self.block == 0 and self.attempt == 0
        wanted = self.audited and self.is_repeated and first
        return self.workload.has_device_pass and self.on_cuda and wanted

    @property
    def on_cuda(self) -> bool:
        """True if the step runs on a CUDA device."""
        return self.configuration.device == "cuda"

    def run(self) -> Iterator[EpochReport] | Push[EpochReport]:
        """Measure one epoch after another in this process, until the caller has enough."""
        return self.workload.run(self)

    def repeat(self) -> Iterator[Any]:
        """Run the same epochs once more, off the clock, and yield what was seen of every batch."""
        return self.workload.repeat(self)
