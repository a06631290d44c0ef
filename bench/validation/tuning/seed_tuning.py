"""SeedTuning: a tuning with a seed of its own, beside what the whole grid says of its choice."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from bench.analysis.statistics import pair_ratios
from bench.analysis.throughputs import Throughputs
from bench.analysis.tuning.outcome import Stop, Verdict
from bench.analysis.tuning.tuning import Tuning

# A right tuning has a smaller regret, and takes at most this share of the time of the whole grid. The regret
# is the race's goal of 3%, and what noise adds to the highest of several finalists.
REGRET, TIME_SHARE = 0.05, 0.2
# So many of the fastest of the grid are compared in so many final blocks: noise hides which is the fastest.
FINALISTS, FINAL_BLOCKS = 10, 20
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
class FailedSeed:
    """A tuning that failed.

    Attributes:
        seed: seed of its orders.
        error: the cause, in one line.
    """

    seed: int
    error: str


@dataclass(frozen=True)
class SeedRegret:
    """Judgement of one tuning by the whole grid. A share is None where the grid doesn't tell it.

    Attributes:
        regret: by how much the fastest finalist exceeds the chosen configuration in the final blocks, as a
            share. It is a little too large, since the highest of several figures is inflated by noise.
        grid_regret: by how much the highest median throughput of the grid exceeds that of the chosen
            configuration. With few blocks it is far too large.
        leader_regret: regret of the leader of the race, in the final blocks.
        time_share: time of the tuning over that of the whole grid.
    """

    regret: float | None
    grid_regret: float | None
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


def choose_finalists(tunings: Iterable[SeedTuning], speeds: Throughputs) -> list[int]:
    """Return the numbers of the fastest configurations of the grid, and of those that tunings chose.

    Args:
        tunings: the tunings.
        speeds: samples per second of each block of the grid, by configuration.
    """
    medians = {one: statistics.median(blocks.values()) for one, blocks in speeds.items()}
    fastest = sorted(medians, key=lambda number: -medians[number])[:FINALISTS]
    named = [number for one in tunings for number in (one.number, one.leader) if number is not None]
    return list(dict.fromkeys([*fastest, *named]))


def judge_tuning(one: SeedTuning, speeds: Throughputs, finals: Throughputs, grid_s: float) -> SeedRegret:
    """Judge a tuning by the whole grid and the final blocks.

    Args:
        one: the tuning.
        speeds: samples per second of each block of the grid, by configuration.
        finals: samples per second of each final block, by configuration; none before they are measured.
        grid_s: seconds that the grid took.
    """
    return SeedRegret(
        regret=find_final_regret(finals, one.number),
        grid_regret=find_regret(speeds, one.number),
        leader_regret=find_final_regret(finals, one.leader),
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


def find_final_regret(finals: Throughputs, number: int | None) -> float | None:
    """Return by how much the fastest finalist exceeds a configuration, as a share.

    Args:
        finals: samples per second of each final block, by configuration.
        number: the configuration; None for one that wasn't measured.

    Returns:
        The largest of the medians of the ratios inside each block, less 1. None where nothing is known of
        the configuration.
    """
    if number is None or number not in finals:
        return None
    ratios = [pair_ratios(speeds, finals[number]) for speeds in finals.values()]
    return max(statistics.median(found) for found in ratios if found) - 1


def count_close(finals: Throughputs) -> int:
    """Return how many configurations have a regret that is small enough."""
    regrets = (find_final_regret(finals, number) for number in finals)
    return sum(regret is not None and regret < REGRET for regret in regrets)


def passes(judged: Sequence[SeedRegret], failed: int = 0) -> bool:
    """Return True if enough tunings are right.

    Args:
        judged: the tunings that ended well.
        failed: number of tunings that failed, and so are wrong; default none.
    """
    right = sum(one.is_right for one in judged)
    return bool(judged) and 10 * right >= OF_TEN * (len(judged) + failed)


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
    gain = outcome.quoted_gain
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
        trials=tuning.trials,
        seconds=seconds,
    )
