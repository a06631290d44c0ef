"""TrialLimits: the time and memory that one trial may take."""

from __future__ import annotations

from dataclasses import dataclass, replace

from bench.process.fresh_process import INTERVAL_S

# Time between two looks at the memory of a trial that has a limit. It may exceed the limit in between.
LIMITED_INTERVAL_S = 0.05

# A trial has at least so many seconds to start in.
LEAST_TIMEOUT_S = 10.0


@dataclass(frozen=True)
class TrialLimits:
    """The time and memory that one trial may take.

    Attributes:
        timeout_s: seconds in which all epochs of a trial must be done, without the time that audits take.
        memory_limit_bytes: most memory that a trial's processes may hold, without pages of files; None for no
            limit.
    """

    timeout_s: float
    memory_limit_bytes: int | None = None

    def end_within(self, seconds: float) -> TrialLimits:
        """Return a copy whose trials end within some seconds, but have a few in any case.

        Args:
            seconds: the time.
        """
        return replace(self, timeout_s=min(self.timeout_s, max(seconds, LEAST_TIMEOUT_S)))

    @property
    def interval_s(self) -> float:
        """Longest time between two looks at a trial's memory, in seconds."""
        return INTERVAL_S if self.memory_limit_bytes is None else LIMITED_INTERVAL_S
