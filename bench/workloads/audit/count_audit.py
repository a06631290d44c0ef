"""CountAudit: the audit of samples without an index, by their number and their hashes."""

from __future__ import annotations

from dataclasses import dataclass

from bench.text import format_count
from bench.trial.audit_result import AuditError, AuditResult
from bench.workloads.audit.own_observation import OwnObservation, SampleHashes
from loaders.spec.epoch_contents import EpochContents

SPLIT = (
    "the dataset isn't split between workers; give each its own part in __iter__, by "
    "torch.utils.data.get_worker_info()"
)
CHOICE = "check how __iter__ chooses a worker's part"
# Of the samples that W workers deliver, (W - 1) / W are repeated where each of them delivers all. Parts of
# different length, which begin anew, repeat fewer.
REPEATED_SHARE = 0.5
# A dataset's own word for its length is only an estimate.
FAR_MORE = 1.5


@dataclass(frozen=True)
class CountAudit:
    """Compares an epoch of a DataLoader over an iterable dataset with one without workers.

    Attributes:
        alone: an epoch without workers.
        reported: number of samples by the loader's length; None where it isn't known.
        workers: number of workers.
        batch_size: samples in a batch; None where the dataset makes the batches.
        is_whole: whether epochs go to the loader's own end.
    """

    alone: EpochContents
    reported: int | None
    workers: int
    batch_size: int | None
    is_whole: bool

    def judge(self, seen: OwnObservation) -> AuditResult:
        """Audit one epoch.

        Raises:
            AuditError: other samples were delivered than without workers, or another number of them.
        """
        if self.is_whole:
            self._check_number(seen.samples)
        if seen.hashes is None:
            can_tell = self._can_find_repeated or self._can_compare
            return AuditResult(None, 1.0, kind="count", needs_repetition=self.workers > 0 and can_tell)
        # Without a digest, some samples can't be told apart.
        if seen.hashes.digest:
            self._check_hashes(seen.hashes)
        return AuditResult(None, 1.0, kind="count")

    @property
    def _can_find_repeated(self) -> bool:
        """True if samples that several workers deliver are seen."""
        return self.workers > 1 and self.alone.repeated_share is not None

    @property
    def _can_compare(self) -> bool:
        """True if it is known which samples make an epoch."""
        return self.is_whole and self.alone.digest != ""

    def _check_number(self, samples: int) -> None:
        alone, workers = self.alone.samples, format_count(self.workers, "worker")
        if alone is None:
            if self.workers > 1 and self.reported is not None and samples > FAR_MORE * self.reported:
                raise AuditError(
                    f"audit: {samples:,} samples come from {workers}, {self.reported:,} by the loader's "
                    f"length: {SPLIT}"
                )
            return
        # Each worker leaves out samples of its own that fill no batch.
        left_out = max(1, self.workers) * (self.batch_size or 1) if self.alone.drop_last else 0
        if abs(samples - alone) <= left_out:
            return
        if not self.workers:
            raise AuditError(
                f"audit: {samples:,} samples were delivered, in other epochs there are {alone:,}"
            )
        cause = CHOICE if samples < alone or self.workers == 1 else SPLIT
        raise AuditError(
            f"audit: {samples:,} samples come from {workers}, {alone:,} without workers: {cause}"
        )

    def _check_hashes(self, hashes: SampleHashes) -> None:
        usual = self.alone.repeated_share
        if self._can_find_repeated and usual is not None and hashes.repeated is not None:
            repeated = hashes.repeated / hashes.samples
            if repeated - usual > REPEATED_SHARE * (1 - usual) * (self.workers - 1) / self.workers:
                raise AuditError(f"audit: {repeated:.0%} of the samples come from several workers: {SPLIT}")
        if self._can_compare and hashes.digest != self.alone.digest:
            raise AuditError(
                f"audit: other samples come from {format_count(self.workers, 'worker')} than without "
                f"workers, though as many: {CHOICE}"
            )
