"""Simulations: tunings of landscapes with a known best, each by the policy of real tunings."""

from __future__ import annotations

import math
import zlib
from dataclasses import dataclass

import numpy as np

from bench.analysis.tuning.outcome import Outcome, Stop, Verdict
from bench.analysis.tuning.tuner import Tuner, TunerOptions
from bench.validation.tuning.judged_tuning import JudgedTuning
from bench.validation.tuning.landscape import TIE, Landscape
from bench.validation.tuning.landscapes import make_landscape
from bench.validation.tuning.noise import Noise
from bench.validation.tuning.simulated_lab import EPOCHS, SimulatedLab

# A sweep of the whole grid, which a tuning saves: whole epochs, the first of each trial cold.
GRID_BLOCKS = 5


@dataclass(frozen=True)
class Setting:
    """Setting of a simulated tuning.

    Attributes:
        landscape: name of the landscape.
        size: number of configurations.
        noise: noise of the trials.
        budget: the budget, as a share of the time of a sweep of the whole grid; infinity for none.
    """

    landscape: str
    size: int
    noise: Noise
    budget: float = math.inf

    @property
    def name(self) -> str:
        """Its name."""
        return f"{self.landscape} of {self.size}, noise {self.noise.name}, budget {self.budget:g}"


@dataclass(frozen=True)
class Simulation(JudgedTuning):
    """One simulated tuning beside the truth.

    Attributes:
        landscape: name of the landscape.
        size: number of configurations.
        noise: standard deviation of a trial's speed, as a share.
        outliers: share of trials at half speed.
        budget: budget, as a share of the time of a sweep of the whole grid; infinity for none.
        run: number of the run.
        verdict: what the tuning says of a gain.
        stop: why its race ended.
        regret: by how much of its true throughput the best exceeds the chosen configuration, as a share.
        leader_regret: the same of the race's leader.
        raced_regret: the same of the race's leader, among those that were raced.
        regret_bound: bound on `raced_regret`; None where nothing is said.
        best_gain: true throughput of the best over the present one's.
        true_gain: true throughput of the chosen configuration over the present one's.
        gain: the quoted gain; None without fresh blocks.
        gain_low: lower end of its interval.
        gain_high: upper end of its interval.
        raced: number of configurations that were raced.
        best_raced: whether a best one was raced.
        best_kept: whether a fastest one of the raced is in the tie set.
        race_blocks: number of blocks of the race.
        trials: number of trials.
        seconds: simulated seconds of the tuning.
        grid_s: simulated seconds of a sweep of the whole grid.
    """

    landscape: str
    size: int
    noise: float
    outliers: float
    budget: float
    run: int
    verdict: Verdict
    stop: Stop
    regret: float
    leader_regret: float
    raced_regret: float
    regret_bound: float | None
    best_gain: float
    true_gain: float
    gain: float | None
    gain_low: float | None
    gain_high: float | None
    raced: int
    best_raced: bool
    best_kept: bool
    race_blocks: int
    trials: int
    seconds: float
    grid_s: float

    @property
    def is_leader_best(self) -> bool:
        """True if the leader of the race is the best, or as good."""
        return self.leader_regret <= TIE

    @property
    def is_bound_broken(self) -> bool:
        """True if the leader's regret exceeds its bound."""
        return self.regret_bound is not None and self.raced_regret > self.regret_bound

    @property
    def is_best_lost(self) -> bool:
        """True if the race dropped the fastest configuration in it."""
        return not self.best_kept

    @property
    def time_share(self) -> float:
        """Time of the tuning over that of a sweep of the whole grid."""
        return self.seconds / self.grid_s


def simulate(setting: Setting, run: int) -> Simulation:
    """Run one simulated tuning. Equal arguments have equal results.

    Args:
        setting: what is simulated.
        run: number of the run, which decides all chance.
    """
    random = np.random.default_rng([zlib.crc32(setting.name.encode()), run])
    landscape = make_landscape(setting.landscape, setting.size, random)
    grid_s = landscape.find_grid_s(GRID_BLOCKS, EPOCHS)
    lab = SimulatedLab(landscape, setting.noise, random, setting.budget * grid_s)
    outcome = Tuner(lab, landscape.costs, TunerOptions(seed=run), landscape.settings).run()
    return _compare(setting, run, landscape, outcome, lab)


def _compare(
    setting: Setting, run: int, landscape: Landscape, outcome: Outcome, lab: SimulatedLab
) -> Simulation:
    """Return an outcome beside the truth."""
    raced = [number for number, fate in outcome.fates.items() if fate.blocks] or [0]
    fastest = max(landscape.speeds[number] for number in raced)
    gain = outcome.quoted_gain
    return Simulation(
        landscape=setting.landscape,
        size=setting.size,
        noise=setting.noise.spread,
        outliers=setting.noise.outliers,
        budget=setting.budget,
        run=run,
        verdict=outcome.verdict,
        stop=outcome.stop,
        regret=landscape.find_regret(outcome.chosen),
        leader_regret=landscape.find_regret(outcome.leader),
        raced_regret=landscape.find_regret(outcome.leader, raced),
        regret_bound=outcome.regret_bound,
        best_gain=max(landscape.speeds) / landscape.speeds[0],
        true_gain=landscape.find_gain(outcome.chosen),
        gain=None if gain is None else gain.median,
        gain_low=None if gain is None else gain.low,
        gain_high=None if gain is None else gain.high,
        raced=len(raced),
        best_raced=fastest >= max(landscape.speeds),
        best_kept=not outcome.tied or max(landscape.speeds[number] for number in outcome.tied) >= fastest,
        race_blocks=outcome.race_blocks,
        trials=lab.trials,
        seconds=lab.seconds,
        grid_s=landscape.find_grid_s(GRID_BLOCKS, EPOCHS),
    )
