"""Training: the parts of a trial in its own process."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

from loaders.device.pipeline import Pipeline


class Step(Protocol):
    """The part of a train step that a measurement uses."""

    def __call__(self, batch: Any, /) -> object:
        """Train on one batch."""

    def mean_loss(self) -> float | None:
        """Return the mean loss per sample since `reset`; None if it is unknown."""

    def reset(self) -> None:
        """Start a new mean, as at the start of an epoch, and keep the model."""

    def flush(self) -> None:
        """Launch the batches that were put off, as at the end of an epoch."""


class EpochInspector(Protocol):
    """Inspects batches of an epoch, and returns what it saw."""

    def start_over(self) -> None:
        """Begin a new epoch. This overwrites the observations of earlier ones."""

    def __call__(self, batch: Any, elapsed_ns: int, /) -> int:
        """Inspect a delivered batch.

        Args:
            batch: the batch.
            elapsed_ns: time since the epoch began, in nanoseconds.

        Returns:
            The time since the epoch began from which on another batch may be inspected, in nanoseconds.
        """

    def observe(self, batches: int, samples: int) -> Any:
        """Return the observation of an epoch, valid until the next epoch starts.

        Args:
            batches: number of batches that the epoch delivered.
            samples: number of samples that it delivered.
        """


class DevicePassInspector(Protocol):
    """Inspects every batch of one epoch on the device."""

    def __call__(self, batch: Any, /) -> None:
        """Inspect a batch on the device."""

    def observe(self, batches: int, samples: int) -> Any:
        """Return the observation of the epoch; this waits for the device."""


@dataclass(frozen=True)
class Training:
    """The parts of a trial in its own process: a loader, a step, and what inspects the batches.

    Attributes:
        pipeline: delivers the batches.
        step: trains on them.
        count: returns the number of samples of a batch.
        inspector: inspects delivered batches; None for a trial that isn't audited.
        has_final_form: whether the loader delivers batches in the form that the step gets. Others are
            inspected in the repetition only.
        make_device_inspector: makes the inspector of the device pass; None where there is no such pass.
        explain: returns the cause of a failure of the loader in one line, or None; default None for no such.
        prepared_s: seconds of building that was done once for all trials of a sweep; default 0.
    """

    pipeline: Pipeline
    step: Step
    count: Callable[[Any], int]
    inspector: EpochInspector | None
    has_final_form: bool = True
    make_device_inspector: Callable[[], DevicePassInspector] | None = None
    explain: Callable[[Exception], str | None] | None = None
    prepared_s: float = 0.0
