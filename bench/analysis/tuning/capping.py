"""Cap: the time after which a trial is ended, as it is far slower than the fastest one."""

from __future__ import annotations

from dataclasses import dataclass, field

from bench.analysis.tuning.lab import Measured

# A disturbed trial takes twice as long now and then. Three times as long is no accident.
CAP = 3.0
# The lower quartile of so many trials tells the cap. A single one may be short by chance.
FEWEST = 4
# Seconds that a trial may take in any case: starting a process varies by as much.
LEAST_S = 1.0


@dataclass
class Cap:
    """The time after which a trial is ended, as it is far slower than the fastest one.

    Adaptive capping is known from algorithm configuration (Hutter, Hoos, Leyton-Brown & Stützle, JAIR 36,
    2009). It is outside of the guarantee of a race.

    Attributes:
        seconds: times of the trials that gave a throughput.
    """

    seconds: list[float] = field(default_factory=list)

    def add(self, measured: Measured) -> None:
        """Take in a trial."""
        if measured.samples_per_s is not None:
            self.seconds.append(measured.seconds)

    def find_s(self) -> float | None:
        """Return the cap in seconds; None before there are enough trials."""
        if len(self.seconds) < FEWEST:
            return None
        return CAP * max(LEAST_S, sorted(self.seconds)[len(self.seconds) // 4])
