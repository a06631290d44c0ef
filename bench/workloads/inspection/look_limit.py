"""LookLimit: the time that a first look at a user's code may take."""

from __future__ import annotations

from typing import NamedTuple

from bench.text import format_duration


class LookLimit(NamedTuple):
    """The time that a first look at a user's code may take. The shortest of several counts.

    Attributes:
        seconds: the time.
        option: option of the command that sets it; empty for none.
    """

    seconds: float
    option: str = ""

    def __str__(self) -> str:
        return format_duration(self.seconds) + (f" ({self.option})" if self.option else "")

    def shorten(self, budget_s: float | None) -> LookLimit:
        """Return this limit, or that of the budget where it is shorter.

        Args:
            budget_s: seconds of --budget; None without one.
        """
        return self if budget_s is None else min(self, LookLimit(budget_s, "--budget"))
