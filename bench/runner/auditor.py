"""Auditor: judge the epochs of a sweep's trials."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace

from bench.runner.loader_history import LoaderHistory
from bench.trial.audit import AuditResult, audit_epoch
from bench.trial.epoch_observation import EpochObservation
from bench.trial.reference_samples import ReferenceSamples
from bench.trial.trial import Trial
from loaders.data.image_split import ImageSplit
from loaders.spec.loader_spec import LoaderSpec


class Auditor:
    """Judges epochs over one split, and keeps the facts that trials share.

    It works in the process that starts the trials. In a trial's process it would take memory and time that
    are measured.
    """

    def __init__(self, split: ImageSplit) -> None:
        """Take the samples that epochs must deliver."""
        self._split = split
        self._references: dict[tuple[int, int, int | None], ReferenceSamples] = {}
        self._histories: defaultdict[tuple[LoaderSpec, int], LoaderHistory] = defaultdict(LoaderHistory)

    def judge(self, trial: Trial, epoch: int, observation: EpochObservation) -> AuditResult:
        """Audit an epoch of a trial.

        Args:
            trial: the trial that the epoch belongs to.
            epoch: the epoch's number, from 0.
            observation: the batches that were seen of it.

        Raises:
            AuditError: the epoch did not deliver the dataset, or came in the same order as the one before.
        """
        key = (trial.seed, trial.block, trial.configuration.spec.resize)
        if key not in self._references:
            # No trial of an earlier block comes back.
            self._references = {old: kept for old, kept in self._references.items() if old[:2] == key[:2]}
            self._references[key] = trial.make_reference(self._split)
        result = audit_epoch(observation, self._references[key])
        if result.order is not None and not trial.configuration.spec.same_order_each_epoch:
            self.find_history(trial).check_order(epoch, result.order)
        # An order takes half a megabyte, and results are kept for each epoch.
        return replace(result, order=None)

    def find_history(self, trial: Trial) -> LoaderHistory:
        """Return the history of a trial's loader."""
        return self._histories[trial.configuration.spec, trial.seed]
