"""TrialLengths: the number of batches of each trial of a tuning, by what its trials so far have shown."""

from __future__ import annotations

from collections.abc import Sequence

from bench.analysis.tuning.lab import Stage
from bench.runner.first_look import FirstLook
from bench.runner.tuning.paces import Paces
from bench.runner.tuning.stage_lengths import StageLength, StageLengths


class TrialLengths:
    """The number of batches of each trial. Configurations go by their numbers; ceilings come after them.

    Attributes:
        paces: how fast each configuration runs.
        stages: length of each part that has begun.
        whole: number of batches of an epoch of the training; None where it isn't known.
        epochs: number of epochs of each trial.
    """

    def __init__(self, whole: int | None, epochs: int, look: FirstLook, waiting: Sequence[int]) -> None:
        """Begin with what is known of the present configuration.

        Args:
            whole: number of batches of an epoch of the training; None where it isn't known.
            epochs: number of epochs of each trial.
            look: short epoch of the present configuration.
            waiting: most batches that wait in the queue of each configuration.
        """
        self.paces = Paces(look, waiting)
        self.stages: dict[Stage, StageLength] = {}
        self.whole = whole
        self.epochs = epochs
        self._lengths = StageLengths(whole, epochs)
        self._count = len(waiting)
        self._own: dict[tuple[Stage, int], int] = {}

    def begin(self, stage: Stage, numbers: Sequence[int], left_s: float) -> StageLength:
        """Choose how long the epochs of a part are.

        Args:
            stage: the part.
            numbers: the configurations that it measures.
            left_s: seconds that are left of the budget; infinity without one.
        """
        self.stages[stage] = self._choose(stage, numbers, left_s)
        return self.stages[stage]

    def fix(self, stage: Stage, number: int) -> int:
        """Return the number of batches of the next trial of a configuration in a part that has begun.

        Once it is known to be far slower than the fastest, its trials of the part keep the length that is
        chosen then.
        """
        length = self.stages[stage]
        own = self._own.get((stage, number)) or length.find_own(self.paces.find(number))
        if own != length.batches:
            self._own[stage, number] = own
        return own

    def estimate(self, stage: Stage, number: int, left_s: float) -> int:
        """Return about how many batches a trial has, in a part that may not have begun.

        Args:
            stage: the part.
            number: the configuration.
            left_s: seconds that are left of the budget; infinity without one.
        """
        # Fresh blocks have few configurations, which aren't known beforehand.
        numbers = [number] if stage == "confirm" else range(self._count)
        length = self.stages.get(stage) or self._choose(stage, numbers, left_s)
        return self._own.get((stage, number)) or length.find_own(self.paces.find(number))

    def find_far_batches(self, stage: Stage) -> int | None:
        """Return the fewest batches of a far slower configuration's epochs; None where all have as many."""
        return min((own for (part, _), own in self._own.items() if part == stage), default=None)

    def _choose(self, stage: Stage, numbers: Sequence[int], left_s: float) -> StageLength:
        paces = [self.paces.find(number) for number in numbers]
        fewest = max((length.batches for length in self.stages.values()), default=0)
        return self._lengths.choose(stage, paces, left_s, fewest)
