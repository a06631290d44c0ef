"""ValidationCase: a loader or script with planned costs or faults, and the rows that must come of it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import KW_ONLY, dataclass, field

from bench.trial.trial import Trial


@dataclass(frozen=True)
class ValidationCase(ABC):
    """A loader and a step with planned costs, or a loader that cheats.

    Attributes:
        name: the case's name on the command line.
        description: the plan, in words.
        epochs: number of epochs that are measured.
        readings: planned value of each column, as the median of the steady epochs.
        device: device of the step, `cpu` or `cuda`.
        device_readings: planned value of each column in the epoch that is timed on the GPU.
        error_words: for a cheat, words of which the error must hold one; empty for an honest loader.
        failing_epoch: for a cheat, number of the epoch that must fail.
    """

    name: str
    description: str
    _: KW_ONLY
    epochs: int = 4
    readings: Mapping[str, float] = field(default_factory=dict)
    device: str = "cpu"
    device_readings: Mapping[str, float] = field(default_factory=dict)
    error_words: tuple[str, ...] = ()
    failing_epoch: int = 0

    @abstractmethod
    def trial(self) -> Trial:
        """Return the trial that measures the case."""
