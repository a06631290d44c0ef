"""Auditor: what stands between an epoch that was timed and its row."""

from __future__ import annotations

from collections import defaultdict

from bench.trial.audit import AuditResult, audit_epoch
from bench.trial.epoch_observation import EpochObservation
from bench.trial.reference_samples import ReferenceSamples
from bench.trial.trial import Trial
from loaders.data.dataset_ref import DatasetRef
from loaders.data.image_split import ImageSplit
from loaders.spec.loader_spec import LoaderSpec


class Auditor:
    """Judges epochs, and keeps what it knows: the trials of a sweep have much in common.

    It works in the process that starts trials, not in theirs, whose memory and time are what is measured.
    """

    def __init__(self) -> None:
        self._dataset: DatasetRef | None = None
        self._source: ImageSplit | None = None
        self._expected: dict[tuple[int, int, int | None], ReferenceSamples] = {}
        self._repeated: defaultdict[tuple[LoaderSpec, int], list[AuditResult]] = defaultdict(list)

    def judge(self, trial: Trial, record: EpochObservation) -> AuditResult:
        """Judge an epoch of that trial; AuditError says what is wrong with it."""
        source = self._source_of(trial)
        key = (trial.seed, trial.block, trial.configuration.spec.resize)
        if key not in self._expected:
            # To the blocks before, no trial comes back.
            self._expected = {known: e for known, e in self._expected.items() if known[:2] == key[:2]}
            self._expected[key] = trial.expected(source)
        return audit_epoch(record, self._expected[key])

    def repeated(self, trial: Trial) -> list[AuditResult]:
        """What is known of the repeated epochs of that trial's loader, in their order, to be added to.

        The same loader with the same seed delivers the same epochs, in each of its trials and to any step: it
        is repeated once.
        """
        self._source_of(trial)
        return self._repeated[trial.configuration.spec, trial.seed]

    def _source_of(self, trial: Trial) -> ImageSplit:
        if self._source is None or trial.dataset != self._dataset:
            self._dataset, self._source = trial.dataset, trial.dataset.read("train")
            self._expected.clear()
            self._repeated.clear()
        return self._source
