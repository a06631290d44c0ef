"""The audit of a user's own loader: by the indices that were asked for, or by counting."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import TYPE_CHECKING, Any

from bench.trial.audit_result import AuditError, AuditResult
from loaders.spec.turn_knobs import RecordingSampler

if TYPE_CHECKING:
    from bench.trial.trial import Trial

NEVER = 2**62


@dataclass(frozen=True)
class OwnObservation:
    """What was seen of an epoch of a user's own loader.

    Attributes:
        batches: number of batches that were delivered.
        samples: number of samples that were delivered.
        asked_batches: number of batches that the sampler asked for; None for a loader that asks for none.
        asked_samples: number of samples in them; None for a loader that asks for none.
        repeated: number of samples that were asked for more than once; None where the sampler may do so.
    """

    batches: int
    samples: int
    asked_batches: int | None = None
    asked_samples: int | None = None
    repeated: int | None = None


class OwnInspector:
    """Watches an epoch of a user's own loader: it only keeps what the sampler asks for."""

    def __init__(self, recorder: RecordingSampler | None) -> None:
        """Watch a loader.

        Args:
            recorder: records the indices; None for a loader without indices.
        """
        self._recorder = recorder

    def start_over(self) -> None:
        """Do nothing: the recorder starts over by itself."""

    def __call__(self, batch: Any, elapsed_ns: int) -> int:
        """Ask for no further batch."""
        del batch, elapsed_ns
        return NEVER

    def observe(self, batches: int, samples: int) -> OwnObservation:
        """Return the observation of an epoch."""
        if self._recorder is None:
            return OwnObservation(batches, samples)
        asked = self._recorder.asked
        indices = list(chain.from_iterable(map(_list_indices, asked)))
        return OwnObservation(batches, samples, len(asked), len(indices), len(indices) - len(set(indices)))


class OwnAudit:
    """Audits epochs of a user's own loader."""

    def audit(self, trial: Trial, observation: OwnObservation) -> AuditResult:
        """Audit one epoch.

        Raises:
            AuditError: another number of batches or samples was delivered than was asked for.
        """
        del trial
        seen = observation
        if seen.asked_batches is not None and seen.batches != seen.asked_batches:
            raise AuditError(f"audit: {seen.batches:,} batches were delivered of {seen.asked_batches:,}")
        if seen.asked_samples is not None and seen.samples != seen.asked_samples:
            raise AuditError(f"audit: {seen.samples:,} samples were delivered of {seen.asked_samples:,}")
        return AuditResult(None, 1.0)


def make_counter(recorder: RecordingSampler | None, count: Callable[[Any], int]) -> Callable[[Any], int]:
    """Return the function that counts the samples of a delivered batch.

    Args:
        recorder: records the indices, whose number is that of the samples; None for a loader without.
        count: counts the samples of a batch by its form.
    """
    del recorder
    return count


def _list_indices(asked: Any) -> Sequence[Any]:
    return asked if isinstance(asked, list | tuple) else (asked,)
