"""AuditResult: the facts that an audit found about an epoch."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

from bench.trial.epoch_order import EpochOrder

AuditKind = Literal["content", "index", "count"]


class AuditError(RuntimeError):
    """A fault that an audit found in an epoch, in one line."""


@dataclass(frozen=True)
class AuditResult:
    """Facts about an epoch that passed its audit.

    Attributes:
        shuffle_quality: standard deviation of the sample numbers within a batch over that of a true shuffle;
            None where it can't be measured.
        seen_share: share of the batches that were checked.
        order: order of the samples; None where not all batches were seen or the samples look too alike.
        kind: how samples were checked: by what they hold, by the indices that were asked for, or by counting.
        needs_repetition: whether the epoch is to be run again off the clock, to be checked further.
    """

    shuffle_quality: float | None
    seen_share: float
    order: EpochOrder | None = None
    kind: AuditKind = "content"
    needs_repetition: bool = False

    def merge(self, repeated: AuditResult) -> AuditResult:
        """Return this result with the facts that the repetition of its epoch added.

        Args:
            repeated: the result of the repetition.
        """
        merged = replace(self, shuffle_quality=repeated.shuffle_quality, needs_repetition=False)
        if repeated.kind == self.kind:
            return merged
        # Only the repetition checked in this way.
        return replace(merged, kind=repeated.kind, seen_share=repeated.seen_share)
