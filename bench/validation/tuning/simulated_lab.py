"""SimulatedLab: trials of a landscape, on a machine that isn't there."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from bench.analysis.tuning.lab import Measured, Stage
from bench.runner.first_look import FirstLook
from bench.runner.tuning.trial_lengths import TrialLengths
from bench.validation.tuning.landscape import Landscape, TrueTimes
from bench.validation.tuning.noise import BLOCK_SPREAD, Drift, Noise

# A cold epoch, and one that counts.
EPOCHS = 2


@dataclass
class SimulatedLab:
    """Trials of a landscape on a simulated machine, whose clock stands still between them.

    The lengths of its trials are chosen as those of real processes are.

    Attributes:
        landscape: the true times.
        noise: noise of the trials.
        random: source of chance.
        budget_s: seconds that the tuning may take; default infinity.
        seconds: time that all trials took.
        trials: number of trials.
        lengths: number of batches of the trials.
        audit_trials: 0, as there is no audit.
    """

    landscape: Landscape
    noise: Noise
    random: np.random.Generator
    budget_s: float = math.inf
    seconds: float = 0.0
    trials: int = 0
    audit_trials: float = 0.0
    _block_speeds: dict[tuple[Stage, int], float] = field(default_factory=dict)
    _known_s: dict[tuple[Stage, int], list[float]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Begin at time 0, with a look at the present configuration."""
        self._drift = Drift(self.random)
        look, waiting = _look(self.landscape.times[0]), [times.waiting for times in self.landscape.times]
        self.lengths = TrialLengths(self.landscape.batches, EPOCHS, look, waiting)

    def prepare(self, stage: Stage, numbers: Sequence[int]) -> None:
        """Choose how long the trials of a part are."""
        self.lengths.begin(stage, numbers, self.find_left_s())

    def measure(self, stage: Stage, number: int, block: int, cap_s: float | None = None) -> Measured:
        """Run one trial, as `Lab` has it."""
        times, batches = self.landscape.times[number], self.lengths.fix(stage, number)
        first, last = (EPOCHS - 1) * batches, EPOCHS * batches
        middle = first + batches // 2
        speed = self._draw_speed(stage, block, last - middle)
        seconds = times.process_s + (EPOCHS * times.start_s + times.sum_batches_s(0, last)) / speed
        is_slow = cap_s is not None and seconds > cap_s
        if is_slow and cap_s is not None:
            seconds = cap_s
        self.seconds += seconds
        self.trials += 1
        self._known_s.setdefault((stage, number), []).append(seconds)
        if is_slow:
            return Measured(None, seconds, "ended as far slower", is_slow=True)
        # The second half of the last epoch is taken for steady, and lengthened.
        steady_s = times.sum_batches_s(middle, last) / (last - middle)
        early_s = times.start_s + times.sum_batches_s(first, middle)
        whole_s = (early_s + steady_s * (self.landscape.batches - batches // 2)) / speed
        samples_per_s = self.landscape.batches * self.landscape.batch_size / whole_s
        self.lengths.paces.add(number, _look(times, steady_s / speed), samples_per_s)
        return Measured(samples_per_s, seconds)

    def estimate_s(self, stage: Stage, number: int) -> float:
        """Return the median of such trials, or else about what the batches take by another one."""
        if known := self._known_s.get((stage, number)):
            return statistics.median(known)
        look = self.lengths.paces.find(number).look
        batches = self.lengths.estimate(stage, number, self.find_left_s())
        return look.process_s + EPOCHS * look.estimate_epoch_s(batches)

    def find_left_s(self) -> float:
        """Return the seconds that are left of the budget."""
        return self.budget_s - self.seconds

    def _draw_speed(self, stage: Stage, block: int, batches: int) -> float:
        """Return the factor on a trial's speed: the machine's, the block's and its own."""
        key = (stage, block)
        if key not in self._block_speeds:
            self._block_speeds[key] = float(np.exp(BLOCK_SPREAD * self.random.standard_normal()))
        own = self.noise.draw(batches, self.random)
        return self._drift.find_speed(self.seconds) * self._block_speeds[key] * own


def _look(times: TrueTimes, batch_s: float | None = None) -> FirstLook:
    return FirstLook(times.process_s, times.start_s, batch_s or times.batch_s, step_s=0.0)
