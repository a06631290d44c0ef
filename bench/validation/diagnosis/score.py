"""Score: how often the planted causes are named."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from bench.analysis.explanation.explanation import Cause
from bench.validation.diagnosis.outcome import GainCheck, Outcome

# The share of right diagnoses below which the validation fails. Two of 47 may be wrong: others who use the
# cores for some minutes spoil that many, also where they are explained once more.
LEAST_RATE = 0.95
# Short names of the causes, in lines and in the matrix.
LABELS = {
    Cause.START_UP: "start-up",
    Cause.FETCH: "fetch",
    Cause.TRANSFORM: "transform",
    Cause.COLLATE: "collate",
    Cause.TRANSPORT: "transport",
    Cause.TRANSFER: "transfer",
    Cause.STEP: "step",
    Cause.STRAGGLERS: "stragglers",
    Cause.FEW_WORKERS: "few workers",
    Cause.MANY_WORKERS: "many workers",
    Cause.STARVED: "starved",
    Cause.BALANCED: "balanced",
    Cause.UNDECIDED: "undecided",
}
WRONG_STAGE, FAILED = "wrong transform", "failed"
# The columns of the matrix in their order.
FOUND = (*LABELS.values(), WRONG_STAGE, FAILED)


@dataclass(frozen=True)
class Score:
    """Rate at which the planted causes are named.

    Attributes:
        outcomes: the explanations beside their truths, at least one.
    """

    outcomes: Sequence[Outcome]

    @property
    def num_right(self) -> int:
        """Number of right diagnoses."""
        return sum(outcome.is_right for outcome in self.outcomes)

    @property
    def rate(self) -> float:
        """Share of right diagnoses."""
        return self.num_right / len(self.outcomes)

    @property
    def confidently_wrong(self) -> tuple[Outcome, ...]:
        """Outcomes whose diagnosis is wrong and claims to be sure, though the true cause costs much."""
        return tuple(outcome for outcome in self.outcomes if outcome.is_confidently_wrong)

    @property
    def gains(self) -> tuple[GainCheck, ...]:
        """All predicted gains that the plans tell too."""
        return tuple(gain for outcome in self.outcomes for gain in outcome.gains)

    @property
    def num_stragglers(self) -> int:
        """Number of planted slow samples."""
        return sum(len(outcome.stragglers) for outcome in self.outcomes)

    @property
    def num_named(self) -> int:
        """Number of planted slow samples that were named by their index."""
        return self.num_stragglers - sum(len(outcome.missed) for outcome in self.outcomes)

    @property
    def passes(self) -> bool:
        """True if enough diagnoses are right and slow samples named, and none is confidently wrong."""
        are_named = self.num_named >= LEAST_RATE * self.num_stragglers
        return self.rate >= LEAST_RATE and not self.confidently_wrong and are_named

    def count_matrix(self) -> dict[str, Mapping[str, int]]:
        """Return the confusion matrix: by the label of the planted cause, how often each label was found.

        A cause that was named in place of the planted one, and rightly, counts as the planted one.
        """
        matrix: dict[str, Counter[str]] = {}
        for outcome in self.outcomes:
            matrix.setdefault(LABELS[outcome.plant.truth.cause], Counter())[label_found(outcome)] += 1
        return {label: matrix[label] for label in FOUND if label in matrix}


def label_found(outcome: Outcome) -> str:
    """Return the column of the confusion matrix that an outcome belongs to."""
    planted = outcome.plant.truth.cause
    if outcome.found is None:
        return FAILED
    if outcome.is_right:
        return LABELS[planted]
    return WRONG_STAGE if outcome.found is planted else LABELS[outcome.found]
