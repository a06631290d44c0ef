"""Auditor: judge the epochs of a sweep's trials."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace

from bench.trial.audit import AuditError, AuditResult, audit_epoch
from bench.trial.epoch_observation import EpochObservation
from bench.trial.epoch_order import EpochOrder
from bench.trial.reference_samples import ReferenceSamples
from bench.trial.trial import Trial
from loaders.data.image_split import ImageSplit
from loaders.spec.loader_spec import LoaderSpec

LoaderKey = tuple[LoaderSpec, int]
"""A loader and its seed: it delivers the same epochs in each of its trials, before any step."""


class Auditor:
    """Judges epochs over one split, and keeps what trials have in common.

    It works in the process that starts the trials. In a trial's process it would take memory and time that are
    measured.
    """

    def __init__(self, split: ImageSplit) -> None:
        """Take the samples that epochs must deliver."""
        self._split = split
        self._references: dict[tuple[int, int, int | None], ReferenceSamples] = {}
        self._repeated: defaultdict[LoaderKey, list[AuditResult]] = defaultdict(list)
        self._orders: dict[LoaderKey, tuple[int, EpochOrder]] = {}

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
            self._references[key] = trial.expected(self._split)
        result = audit_epoch(observation, self._references[key])
        if result.order is not None:
            self._check_order(trial, epoch, result.order)
        # An order takes half a megabyte, and results are kept for each epoch.
        return replace(result, order=None)

    def repeated(self, trial: Trial) -> list[AuditResult]:
        """Return the results of the repeated epochs of a trial's loader, in order; the caller appends to them.

        A loader is repeated once for all of its trials and steps.
        """
        return self._repeated[_identify_loader(trial)]

    def _check_order(self, trial: Trial, epoch: int, order: EpochOrder) -> None:
        """Compare an epoch's order with that of the epoch before, which is known from any trial of the loader."""
        key = _identify_loader(trial)
        last, last_order = self._orders.get(key, (-1, None))
        if epoch <= last:
            return
        declared = trial.configuration.spec.same_order_each_epoch
        if last_order is not None and epoch == last + 1 and not declared:
            share = last_order.find_repeat(order)
            if share is not None:
                raise AuditError(
                    f"audit: epochs {last} and {epoch} have the same order: {share:.0%} of the samples come at the "
                    "same place in both"
                )
        self._orders[key] = epoch, order


def _identify_loader(trial: Trial) -> LoaderKey:
    return trial.configuration.spec, trial.seed
