"""AuditResult: the facts that an audit found about an epoch."""

from __future__ import annotations

from dataclasses import dataclass

from bench.trial.epoch_order import EpochOrder


class AuditError(RuntimeError):
    """A fault that an audit found in an epoch, in one line."""


@dataclass(frozen=True)
class AuditResult:
    """Facts about an epoch that passed its audit.

    Attributes:
        shuffle_quality: standard deviation of the sample numbers within a batch over that of a true shuffle;
            None where it can't be measured.
        seen_share: share of the batches that the observation holds.
        order: order of the samples; None where not all batches were seen or the samples look too alike.
    """

    shuffle_quality: float | None
    seen_share: float
    order: EpochOrder | None = None
