"""LoaderHistory: facts about one loader that all of its trials share."""

from __future__ import annotations

from dataclasses import dataclass, field

from bench.process.memory_sample import WorkerMemory
from bench.trial.audit_result import AuditError, AuditResult
from bench.trial.epoch_order import EpochOrder


@dataclass
class LoaderHistory:
    """Facts about one loader with one seed, from any of its trials.

    Such a loader delivers the same epochs in each trial and before any step, so it is repeated once.

    Attributes:
        results: audit results of its repeated epochs, in order.
        workers: most memory of its workers in those epochs; None while it is unknown.
    """

    results: list[AuditResult] = field(default_factory=list)
    workers: WorkerMemory | None = None
    _last_epoch: int = -1
    _last_order: EpochOrder | None = None

    def merge_workers(self, seen: WorkerMemory | None) -> None:
        """Take in the memory of workers that was seen in one more epoch."""
        if seen is not None:
            self.workers = seen if self.workers is None else self.workers.merge(seen)

    def check_order(self, epoch: int, order: EpochOrder) -> None:
        """Compare the order of an epoch with that of the epoch before, and keep it.

        Args:
            epoch: number of the epoch, from 0. An epoch that was compared before is skipped.
            order: order of its samples.

        Raises:
            AuditError: both orders are the same.
        """
        if epoch <= self._last_epoch:
            return
        if self._last_order is not None and epoch == self._last_epoch + 1:
            share = self._last_order.find_repeat(order)
            if share is not None:
                raise AuditError(
                    f"audit: epochs {self._last_epoch} and {epoch} have the same order: {share:.0%} of the "
                    "samples come at the same place in both"
                )
        self._last_epoch, self._last_order = epoch, order
