"""The audit of a user's own loader: by content, by the indices that were asked for, or by counting."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from bench.text import format_count
from bench.trial.audit_result import AuditError, AuditResult
from bench.workloads.own_observation import AskedIndices, OwnObservation, SampleHashes
from loaders.spec.epoch_contents import EpochContents
from loaders.spec.own_loader_spec import UNKNOWN, OwnLoaderSpec
from loaders.spec.source_facts import SourceFacts

if TYPE_CHECKING:
    from bench.trial.trial import Trial

SPLIT = "give each worker its own part in __iter__, by torch.utils.data.get_worker_info()"
CHOICE = "check how __iter__ chooses a worker's part"
# Of the samples that W workers deliver, (W - 1) / W are repeated where each of them delivers all. Parts of
# different length, which begin anew, repeat fewer.
REPEATED_SHARE = 0.5


@dataclass(frozen=True)
class OwnAudit:
    """Audits epochs of a user's own loader.

    Attributes:
        facts: what is known of the loader; default nothing.
        batches: number of batches after which an epoch ends; None for the loader's own end.
    """

    facts: SourceFacts = UNKNOWN
    batches: int | None = None

    def audit(self, trial: Trial, observation: OwnObservation) -> AuditResult:
        """Audit one epoch.

        Raises:
            AuditError: the epoch did not deliver what it was asked for, or what it delivers without workers.
        """
        if observation.batches == 0:
            raise AuditError("audit: no batch was delivered")
        if observation.fault:
            raise AuditError(f"audit: {observation.fault}")
        if observation.asked is not None:
            return self._audit_indices(observation, observation.asked)
        spec = trial.configuration.spec
        alone = self._find_alone(spec) if isinstance(spec, OwnLoaderSpec) else None
        if alone is None:
            return AuditResult(None, 1.0, kind="count")
        knobs = spec.resolve().knobs()
        workers = int(knobs.get("num_workers") or 0)
        if self.batches is None:
            _check_number(observation.samples, alone, workers, _to_size(knobs.get("batch_size")))
        return self._audit_hashes(observation.hashes, alone, workers)

    def _audit_indices(self, seen: OwnObservation, asked: AskedIndices) -> AuditResult:
        if seen.batches != asked.batches:
            raise AuditError(f"audit: {seen.batches:,} batches were delivered of {asked.batches:,}")
        if asked.repeated:
            raise AuditError(f"audit: {format_count(asked.repeated, 'sample')} came more than once")
        if asked.missing:
            raise AuditError(f"audit: {format_count(asked.missing, 'sample')} of the dataset did not come")
        if seen.compared:
            return AuditResult(None, seen.compared / seen.batches, kind="content")
        # Only what is the same each time can be compared.
        to_compare = seen.compared is None and self.facts.same_samples is True
        return AuditResult(None, 1.0, kind="index", needs_repetition=to_compare)

    def _audit_hashes(self, hashes: SampleHashes | None, alone: EpochContents, workers: int) -> AuditResult:
        is_hashed = hashes is not None and hashes.digest != ""
        if hashes is not None and is_hashed and alone.distinct and workers > 1:
            repeated = (hashes.repeated or 0) / hashes.samples
            if repeated > REPEATED_SHARE * (workers - 1) / workers:
                raise AuditError(
                    f"audit: {repeated:.0%} of the samples come from more than one worker: the dataset isn't "
                    f"split between them; {SPLIT}"
                )
        is_known = is_hashed and self.batches is None and alone.digest != ""
        if hashes is not None and is_known and hashes.digest != alone.digest:
            raise AuditError(
                f"audit: other samples come from {format_count(workers, 'worker')} than without workers, "
                f"though as many: {CHOICE}"
            )
        is_told = alone.digest != "" if self.batches is None else alone.distinct and workers > 1
        to_repeat = hashes is None and workers > 0 and is_told
        return AuditResult(None, 1.0, kind="count", needs_repetition=to_repeat)

    def _find_alone(self, spec: OwnLoaderSpec) -> EpochContents | None:
        """Return what an epoch delivers without workers; None where that isn't known for this loader."""
        alone = self.facts.alone
        return alone if alone is not None and dict(alone.params) == dict(spec.params) else None


def _check_number(samples: int, alone: EpochContents, workers: int, batch_size: int | None) -> None:
    """Check the number of samples of an epoch against that without workers.

    Args:
        samples: number of samples that were delivered.
        alone: an epoch without workers.
        workers: number of workers.
        batch_size: samples in a batch; None where the dataset makes the batches.

    Raises:
        AuditError: it is another one.
    """
    expected = alone.samples
    # Each worker leaves out samples of its own that fill no batch.
    left_out = max(1, workers) * (batch_size or 1) if alone.drop_last else 0
    if abs(samples - expected) <= left_out:
        return
    if not workers:
        raise AuditError(f"audit: {samples:,} samples were delivered, in other epochs there are {expected:,}")
    is_split = samples < expected or workers == 1
    cause = CHOICE if is_split else f"the dataset isn't split between workers; {SPLIT}"
    raise AuditError(
        f"audit: {samples:,} samples come from {format_count(workers, 'worker')}, {expected:,} without "
        f"workers: {cause}"
    )


def _to_size(value: object) -> int | None:
    return value if isinstance(value, int) else None
