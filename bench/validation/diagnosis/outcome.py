"""Outcome: the explanation of a planted training beside its truth."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from bench.analysis.explanation.explanation import Advice, Cause, Explanation
from bench.validation.diagnosis.plant import Plant

# A predicted gain may be off by this share of the planned one. The intervals of predictions from three blocks
# on two cores reach 5 to 13% to each side.
GAIN_TOLERANCE = 0.15
# A promise below this share is none. An advice begins at 3%, and noise may add as much as the rest.
SMALL_GAIN = 0.05
# A wrong diagnosis that claims to be sure is worse where the true cause costs more than this share. Below it,
# another cause of the same training may cost about as much.
LARGE_SHARE = 0.30
# Cautions of an explanation say so of blocks that other processes disturbed.
DISTURBED = "disturbed"


@dataclass(frozen=True)
class GainCheck:
    """The predicted gain of an advice beside the planned one.

    Attributes:
        change: the change in words.
        planned: throughput with the change over that without, by the plan.
        predicted: the same, as the explanation predicts it.
    """

    change: str
    planned: float
    predicted: float

    @property
    def error(self) -> float:
        """Share by which the prediction is off."""
        return self.predicted / self.planned - 1

    @property
    def is_right(self) -> bool:
        """True if the prediction is within the tolerance."""
        return abs(self.error) <= GAIN_TOLERANCE


@dataclass(frozen=True)
class Outcome:
    """The explanation of a planted training beside its truth.

    Attributes:
        plant: the training.
        explanation: what was found; None where it failed.
        error: why it failed, in one line; else empty.
        is_repeated: whether it was explained a second time, as it was wrong and disturbed.
    """

    plant: Plant
    explanation: Explanation | None
    error: str = ""
    is_repeated: bool = False

    @property
    def is_disturbed(self) -> bool:
        """True if other processes than a planted neighbour used the machine meanwhile."""
        if self.explanation is None or self.plant.has_neighbour:
            return False
        return any(DISTURBED in caution for caution in self.explanation.cautions)

    @property
    def found(self) -> Cause | None:
        """The cause that was named; None where the explanation failed."""
        return None if self.explanation is None else self.explanation.diagnosis.cause

    @property
    def is_right(self) -> bool:
        """True if the planted cause was named, and of transforms the slow one; or a cause that is alike."""
        if self.explanation is None:
            return False
        diagnosis = self.explanation.diagnosis
        if diagnosis.cause in self.plant.truth.also:
            return True
        return diagnosis.cause is self.plant.truth.cause and diagnosis.stage == self.plant.stage

    @property
    def is_confidently_wrong(self) -> bool:
        """True if another cause was named for sure, though the true one costs much."""
        if self.explanation is None or self.is_right:
            return False
        return self.explanation.diagnosis.is_sure and self.plant.true_share > LARGE_SHARE

    @property
    def gains(self) -> tuple[GainCheck, ...]:
        """The predicted gains that the plan tells too: those of the DataLoader's own arguments."""
        return tuple(self._check_gains())

    def _check_gains(self) -> Iterator[GainCheck]:
        for advice in self._list_advice():
            plan = self.plant.plan
            if advice.gain is None or not advice.knobs or advice.family != "dataloader":
                continue
            if (changed := plan.with_knobs(dict(advice.knobs))) is not None:
                yield GainCheck(advice.change, plan.wall_s / changed.wall_s, advice.gain.median)

    @property
    def faults(self) -> tuple[str, ...]:
        """Faults of the explanation besides its diagnosis, one line each."""
        return tuple(self._find_faults())

    def _find_faults(self) -> Iterator[str]:
        if self.explanation is None:
            return
        truth = self.plant.truth
        if truth.helps and truth.helps not in (advice.kind for advice in self._list_advice()):
            yield f"no advice on {truth.helps}, which would help"
        if truth.gains_nothing:
            for advice in self._list_advice():
                if advice.gain is None or advice.gain.median > 1 + SMALL_GAIN:
                    yield f"{advice.change} is advised, though nothing can be gained"
        for gain in self.gains:
            if not gain.is_right:
                yield (
                    f"{gain.change} gains ×{gain.planned:.2f} by the plan, and ×{gain.predicted:.2f} was "
                    f"predicted ({gain.error:+.0%})"
                )
        if missed := self.missed:
            noun, be = ("sample", "is") if len(missed) == 1 else ("samples", "are")
            yield f"slow {noun} {', '.join(map(str, missed))} {be} not named"
        if truth.cause is Cause.STRAGGLERS and self.plant.plan.shuffle:
            # Each epoch has other neighbours of a slow sample, so they can be told apart.
            slow = self.plant.plan.slow_indices
            innocent = self._list_indices() - set(slow)
            if len(innocent) > len(slow):
                yield f"{len(innocent)} samples are named as slow that are not, beside {len(slow)} that are"

    @property
    def stragglers(self) -> tuple[int, ...]:
        """Indices of the planted slow samples, where these are the cause; else nothing."""
        return self.plant.plan.slow_indices if self.plant.truth.cause is Cause.STRAGGLERS else ()

    @property
    def missed(self) -> tuple[int, ...]:
        """Indices of planted slow samples in no batch that was named as slow."""
        named = self._list_indices()
        return tuple(index for index in self.stragglers if index not in named)

    def _list_indices(self) -> set[int | str]:
        """Return the indices of all samples that were named as slow."""
        batches = () if self.explanation is None else self.explanation.slow_batches
        return {index for batch in batches for index in batch.indices}

    def _list_advice(self) -> tuple[Advice, ...]:
        return () if self.explanation is None else self.explanation.advice
