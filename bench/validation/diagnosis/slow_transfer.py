"""An own loader whose batches go through a stand-in for the transfer to a device, where there is none."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import Any

from bench.plan.ceiling_loaders import OwnStepCeiling
from bench.plan.offer import Offer
from bench.trial.training import Training
from bench.trial.trial import Trial
from bench.workloads.choice import Notify, ShowDownload, WorkloadChoice
from bench.workloads.own.own_loader import OwnLoader
from bench.workloads.target.own_steps import Waiting


class SlowTransfer:
    """A transfer that takes a planned time for each batch, and leaves it where it is."""

    def __init__(self, transfer_ms: float) -> None:
        """Plan the time."""
        self._pause = Waiting(transfer_ms * 1e-3)

    def __call__(self, batch: Any, /) -> Any:
        """Return the batch after a while."""
        self._pause(batch)
        return batch

    def wait(self) -> None:
        """Return at once: no copy is under way."""


@dataclass(frozen=True)
class OwnLoaderWithTransfer(OwnLoader):
    """A user's own loader, with a stand-in for the transfer of its batches.

    Attributes:
        transfer_ms: milliseconds that each batch's transfer takes.
    """

    transfer_ms: float = 0.0

    def make_training(self, trial: Trial, *, in_full: bool = False) -> Training:
        """Make the loader and the step, and put the transfer between them."""
        training = super().make_training(trial, in_full=in_full)
        # Captured batches lie on the device already.
        if in_full or isinstance(trial.configuration.spec, OwnStepCeiling):
            return training
        pipeline = replace(training.pipeline, transfer=SlowTransfer(self.transfer_ms))
        return replace(training, pipeline=pipeline)


@dataclass(frozen=True)
class TransferChoice:
    """An own loader that gets a stand-in for the transfer.

    Attributes:
        choice: the loader, as it was inspected.
        transfer_ms: milliseconds that each batch's transfer takes.
    """

    choice: WorkloadChoice
    transfer_ms: float

    @property
    def offer(self) -> Offer:
        """The families that can serve it."""
        return self.choice.offer

    @property
    def expected_samples(self) -> int:
        """Samples in an epoch, or a guess."""
        return self.choice.expected_samples

    def find(self, notify: Notify, show: ShowDownload) -> OwnLoaderWithTransfer:
        """Return the loader with the transfer."""
        workload = self.choice.find(notify, show)
        given = {one.name: getattr(workload, one.name) for one in fields(OwnLoader)}
        return OwnLoaderWithTransfer(**given, transfer_ms=self.transfer_ms)
