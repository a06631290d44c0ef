"""SeedTuning: a tuning with a seed of its own, beside what the whole grid says of its choice."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from bench.analysis.throughputs import Throughputs
from bench.analysis.tuning.exhaustive_regret import judge_by_grid
from bench.analysis.tuning.outcome import Stop, Verdict
from bench.analysis.tuning.tuning import Tuning

# A right tuning has a smaller regret, and takes at most this share of the time of the whole grid.
REGRET, TIME_SHARE = 0.05, 0.2
# Of ten tunings at least so many must be right.
OF_TEN = 9


@dataclass(frozen=True)
class SeedTuning:
    """A tuning with a seed of its own.

    Attributes:
        seed: seed of its orders.
        verdict: what it says of a gain.
        stop: why its race ended.
        chosen: name of the chosen configuration.
        number: number of the chosen configuration in the whole grid; None where the grid lacks it.
        leader: number of the leader of the race in the whole grid; None where the grid lacks it.
        gain: the quoted gain; None without fresh blocks of the chosen one.
        regret_bound: bound on the regret of the leader; None where nothing is said.
        candidates: number of configurations that it chose from.
        trials: number of trials.
        seconds: its time, from the start to the written report.
    """

    seed: int
    verdict: Verdict
    stop: Stop
    chosen: str
    number: int | None
    leader: int | None
    gain: float | None
    regret_bound: float | None
    candidates: int
    trials: int
    seconds: float


@dataclass(frozen=True)
class SeedRegret:
    """Judgement of one tuning by the whole grid. A share is None where the grid doesn't tell it.

    Attributes:
        regret: by how much the highest median throughput of the grid exceeds that of the chosen
            configuration, as a share. It is too large, since the highest of many medians is inflated by
            noise.
        split_regret: the regret where one half of the blocks tells the fastest configuration and the other
            half judges it. It is too small where the half misses the fastest.
        leader_regret: regret of the leader of the race.
        time_share: time of the tuning over that of the whole grid.
    """

    regret: float | None
    split_regret: float | None
    leader_regret: float | None
    time_share: float | None

    @property
    def is_close(self) -> bool:
        """True if the regret is known and small enough."""
        return self.regret is not None and self.regret < REGRET

    @property
    def is_quick(self) -> bool:
        """True if the tuning is known to have taken a small enough share of the time of the whole grid."""
        return self.time_share is not None and self.time_share <= TIME_SHARE

    @property
    def is_right(self) -> bool:
        """True if the choice is close to the best and was quick."""
        return self.is_close and self.is_quick


def judge_tuning(one: SeedTuning, speeds: Throughputs, grid_s: float) -> SeedRegret:
    """Judge a tuning by the whole grid.

    Args:
        one: the tuning.
        speeds: samples per second of each block of the grid, by configuration.
        grid_s: seconds that the grid took.
    """
    split = None if one.number not in speeds else judge_by_grid(speeds, one.number)
    return SeedRegret(
        regret=find_regret(speeds, one.number),
        split_regret=None if split is None else split.regret,
        leader_regret=find_regret(speeds, one.leader),
        time_share=one.seconds / grid_s if grid_s > 0 else None,
    )


def find_regret(speeds: Throughputs, number: int | None) -> float | None:
    """Return by how much the highest median throughput exceeds that of a configuration, as a share.

    Args:
        speeds: samples per second of each block, by configuration.
        number: the configuration; None for one that wasn't measured.

    Returns:
        None where nothing is known of the configuration.
    """
    medians = {one: statistics.median(blocks.values()) for one, blocks in speeds.items()}
    return None if number not in medians else max(medians.values()) / medians[number] - 1


def count_close(speeds: Throughputs) -> int:
    """Return how many configurations have a regret that is small enough."""
    regrets = (find_regret(speeds, number) for number in speeds)
    return sum(regret is not None and regret < REGRET for regret in regrets)


def passes(judged: Sequence[SeedRegret]) -> bool:
    """Return True if enough tunings are right."""
    return bool(judged) and 10 * sum(one.is_right for one in judged) >= OF_TEN * len(judged)


def describe_seed(
    seed: int, tuning: Tuning, seconds: float, find_number: Callable[[Mapping[str, str]], int | None]
) -> SeedTuning:
    """Return what is kept of a tuning.

    Args:
        seed: its seed.
        tuning: what it has found.
        seconds: its time.
        find_number: returns the number in the whole grid of the configuration with these settings.
    """
    outcome = tuning.outcome
    gain = tuning.gain if outcome.chosen else None
    return SeedTuning(
        seed=seed,
        verdict=outcome.verdict,
        stop=outcome.stop,
        chosen=tuning.chosen.name,
        number=find_number(tuning.chosen.cells),
        leader=find_number(tuning.candidates[outcome.leader].cells),
        gain=None if gain is None else gain.median,
        regret_bound=outcome.regret_bound,
        candidates=len(tuning.candidates),
        trials=sum(stage.trials for stage in tuning.stages),
        seconds=seconds,
    )
