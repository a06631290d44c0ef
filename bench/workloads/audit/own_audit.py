"""The audit of a user's own loader: by content, by the indices that were asked for, or by counting."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from bench.text import format_count
from bench.trial.audit_result import AuditError, AuditResult
from bench.workloads.audit.count_audit import CountAudit
from bench.workloads.audit.own_observation import AskedIndices, OwnObservation
from loaders.spec.own_loader_spec import UNKNOWN, OwnLoaderSpec
from loaders.spec.source_facts import SourceFacts

if TYPE_CHECKING:
    from bench.trial.trial import Trial


@dataclass(frozen=True)
class OwnAudit:
    """Audits epochs of a user's own loader.

    Attributes:
        facts: what is known of a loader that doesn't tell it itself; default nothing.
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
        spec = trial.configuration.spec
        # What is known may differ with the parameters of the target's function.
        facts = spec.facts if isinstance(spec, OwnLoaderSpec) else self.facts
        if observation.asked is not None:
            return _audit_indices(observation, observation.asked, facts)
        params = spec.params if isinstance(spec, OwnLoaderSpec) else ()
        alone = facts.alone
        if alone is None or dict(alone.params) != dict(params):
            return AuditResult(None, 1.0, kind="count")
        knobs = spec.resolve().knobs()
        return CountAudit(
            alone,
            facts.samples,
            workers=int(knobs.get("num_workers") or 0),
            batch_size=_to_size(knobs.get("batch_size")),
            is_whole=self.batches is None,
        ).judge(observation)


def _audit_indices(seen: OwnObservation, asked: AskedIndices, facts: SourceFacts) -> AuditResult:
    if seen.batches != asked.batches:
        raise AuditError(f"audit: {seen.batches:,} batches were delivered of {asked.batches:,}")
    if asked.repeated:
        raise AuditError(f"audit: {format_count(asked.repeated, 'sample')} came more than once")
    if asked.missing:
        raise AuditError(f"audit: {format_count(asked.missing, 'sample')} of the dataset did not come")
    if seen.compared:
        return AuditResult(None, seen.compared / seen.batches, kind="content")
    # Only what is the same each time can be compared.
    to_compare = seen.compared is None and facts.same_samples is True
    return AuditResult(None, 1.0, kind="index", needs_repetition=to_compare)


def _to_size(value: object) -> int | None:
    return value if isinstance(value, int) else None
