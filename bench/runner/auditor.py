"""Auditor: judge the epochs of a sweep's trials."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace
from typing import Any

from bench.records.delivered_pictures import DeliveredPictures
from bench.runner.loader_history import LoaderHistory
from bench.trial.audit_result import AuditResult
from bench.trial.trial import Trial
from bench.trial.workload import EpochAudit, Workload
from loaders.spec.knob_set import KnobSet


class Auditor:
    """Judges epochs, and keeps the facts that trials share.

    It works in the process that starts the trials. In a trial's process it would take memory and time that
    are measured.

    Attributes:
        pictures: a few samples as they were delivered; None for none.
    """

    def __init__(self) -> None:
        """Begin without a trial."""
        self.pictures: DeliveredPictures | None = None
        self._audits: dict[Workload, EpochAudit] = {}
        self._histories: defaultdict[tuple[KnobSet, int], LoaderHistory] = defaultdict(LoaderHistory)

    def judge(self, trial: Trial, epoch: int, observation: Any) -> AuditResult:
        """Audit an epoch of a trial.

        Args:
            trial: the trial that the epoch belongs to.
            epoch: the epoch's number, from 0.
            observation: what the trial's inspector saw of it.

        Raises:
            AuditError: the epoch did not deliver the data, or came in the same order as the one before.
        """
        workload = trial.workload
        if workload not in self._audits:
            self._audits[workload] = workload.make_audit()
        result = self._audits[workload].audit(trial, observation)
        if result.order is not None and not trial.configuration.spec.same_order_each_epoch:
            self.find_history(trial).check_order(epoch, result.order)
        # An order takes half a megabyte, and results are kept for each epoch.
        return replace(result, order=None)

    def keep_pictures(self, trial: Trial, observation: Any) -> None:
        """Keep the pictures of the first observation that has some.

        Args:
            trial: the trial that it belongs to.
            observation: what was seen of an epoch.
        """
        found = getattr(observation, "pictures", None)
        if self.pictures is None and found is not None:
            self.pictures = replace(found, configuration=trial.number)

    def find_history(self, trial: Trial) -> LoaderHistory:
        """Return the history of a trial's loader."""
        return self._histories[trial.configuration.spec, trial.seed]
