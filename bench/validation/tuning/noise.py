"""Noise of a simulated machine: what a trial measures beside its true time."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

# A trial of so many batches has the planned noise. Most of the variance arises between processes (Kalibera &
# Jones, ISMM 2013); only this share of it averages out over the batches.
USUAL_BATCHES, WITHIN = 100, 0.2
# The machine's speed wanders: its standard deviation, and the seconds after which it has forgotten itself.
DRIFT, DRIFT_S = 0.04, 120.0
# Spread that all trials of a block share.
BLOCK_SPREAD = 0.03
SLOW_SPEED = 0.5


@dataclass(frozen=True)
class Noise:
    """Noise of trials.

    Attributes:
        spread: standard deviation of the logarithm of a trial's speed.
        outliers: share of the trials that run at half speed.
    """

    spread: float
    outliers: float = 0.0

    @property
    def name(self) -> str:
        """Its name, such as `10% +5%`."""
        return f"{self.spread:.0%}" + (f" +{self.outliers:.0%}" if self.outliers else "")

    def draw(self, batches: int, random: np.random.Generator) -> float:
        """Return the factor on the speed of a trial.

        Args:
            batches: number of batches that its speed is measured over.
            random: source of chance.
        """
        spread = self.spread * math.sqrt(1 - WITHIN + WITHIN * USUAL_BATCHES / batches)
        slow = SLOW_SPEED if random.random() < self.outliers else 1.0
        return float(slow * np.exp(spread * random.standard_normal()))


class Drift:
    """The wandering speed of a machine, as a mean-reverting random walk of its logarithm."""

    def __init__(self, random: np.random.Generator) -> None:
        """Begin anywhere."""
        self._random = random
        self._log = DRIFT * float(random.standard_normal())
        self._at_s = 0.0

    def find_speed(self, now_s: float) -> float:
        """Return the speed of the machine at a time that isn't before the last one asked for."""
        kept = math.exp(-(now_s - self._at_s) / DRIFT_S)
        renewed = DRIFT * math.sqrt(1 - kept**2)
        self._log = kept * self._log + renewed * float(self._random.standard_normal())
        self._at_s = now_s
        return math.exp(self._log)
