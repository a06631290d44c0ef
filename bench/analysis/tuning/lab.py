"""Lab: where the trials of a tuning are run."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

# The parts of a tuning, which follow each other. Their trials grow longer.
Stage = Literal["screen", "race", "confirm"]


@dataclass(frozen=True)
class Measured:
    """The result of one trial.

    Attributes:
        samples_per_s: throughput of the training's own epochs; None where the trial gave none.
        seconds: time that the trial took, its process included. Of a trial with more or fewer samples than
            the present configuration's, the time that as many would take.
        problem: why there is no throughput, in one line; empty where there is one.
        is_slow: whether it was ended because it is far slower than others; it didn't fail.
        loading_gain: by how much faster loading would raise the throughput at most, as a share, while the
            step takes as long; None where it isn't known.
    """

    samples_per_s: float | None
    seconds: float
    problem: str = ""
    is_slow: bool = False
    loading_gain: float | None = None


class LabClosedError(Exception):
    """The end of all trials, by an interrupt, an error or a deadline. What was measured until then counts."""


class Lab(Protocol):
    """Runs the trials that a tuning chooses, one at a time. Configurations go by their numbers.

    Attributes:
        audit_trials: time that the audit of a configuration takes, in its first fresh trial, over the time of
            such a trial; 0 without an audit.
    """

    audit_trials: float

    def prepare(self, stage: Stage, numbers: Sequence[int]) -> None:
        """Get ready for a part of a tuning, for example choose how long its trials are.

        Args:
            stage: the part that begins.
            numbers: the configurations that it measures.
        """

    def measure(self, stage: Stage, number: int, block: int, cap_s: float | None = None) -> Measured:
        """Run one trial.

        Args:
            stage: part of the tuning, which decides how long the trial is.
            number: the configuration.
            block: number of the block of that stage, from 0.
            cap_s: seconds after which the trial may be ended as far slower than others, if it has as many
                samples as one of the present configuration; default None.

        Raises:
            LabClosedError: no trial can be run any more.
        """

    def estimate_s(self, stage: Stage, number: int) -> float:
        """Return about how many seconds a trial takes."""

    def find_left_s(self) -> float:
        """Return the seconds that are left of the budget; infinity without one."""


class Ceilings(Protocol):
    """Measures what bounds configurations, beside their fresh trials or after them."""

    def measure(self, numbers: Sequence[int], block: int) -> None:
        """Measure what bounds some configurations, once in a fresh block.

        Args:
            numbers: the configurations.
            block: number of the block.

        Raises:
            LabClosedError: no trial can be run any more.
        """

    def estimate_s(self, numbers: Sequence[int]) -> float:
        """Return about how many seconds that takes."""
