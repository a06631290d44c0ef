"""SweepOutcome: the end of the measuring of a sweep."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class SweepOutcome:
    """The end of the measuring of a sweep.

    Attributes:
        left_out: trials that the budget left no time for, of configurations that have others.
        imprecise: numbers of the configurations whose intervals are wider than was asked for.
        interrupted: whether the user ended it.
        problem: error that ended it; None without one.
        unmeasured: numbers of the configurations that the budget left out altogether.
        rest_s: about how long all trials take that the budget left out, in seconds.
    """

    left_out: int = 0
    imprecise: tuple[int, ...] = ()
    interrupted: bool = False
    problem: Exception | None = None
    unmeasured: tuple[int, ...] = ()
    rest_s: float = 0.0

    @property
    def stopped(self) -> bool:
        """True if trials are missing that --resume would run."""
        return self.interrupted or self.problem is not None
