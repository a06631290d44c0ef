"""RacingStage: the race of a tuning, block by block."""

from __future__ import annotations

import math
import random
import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from bench.analysis.racing.race import FEWEST_BLOCKS, Race
from bench.analysis.statistics import pair_ratios
from bench.analysis.ties import INDIFFERENT
from bench.analysis.tuning.capping import Cap
from bench.analysis.tuning.lab import Lab, LabClosedError
from bench.analysis.tuning.outcome import Fate, Stop

MOST_BLOCKS = 60


@dataclass
class RacingStage:
    """The race of a tuning.

    Attributes:
        lab: runs the trials.
        seed: decides the order in each block.
        regret: bound on the regret at which the race stops, as a share.
        error: error probability of the race.
        leader: configuration that leads the screen; default None without a screen.
        fates: how far each configuration got, once the race is over.
        stop: why the race ended.
    """

    lab: Lab
    seed: int
    regret: float
    error: float
    leader: int | None = None
    fates: dict[int, Fate] = field(default_factory=dict)
    stop: Stop = "none"
    _speeds: dict[int, dict[int, float]] = field(default_factory=dict)
    _ends: dict[int, Fate] = field(default_factory=dict)
    _cap: Cap = field(default_factory=Cap)

    def run(self, numbers: Sequence[int], until_left_s: float) -> Race:
        """Race configurations.

        Args:
            numbers: the configurations.
            until_left_s: seconds of the budget that the race must leave for fresh blocks.
        """
        race = Race(numbers, self.error)
        try:
            while not self._is_over(race, until_left_s):
                self._run_block(race, until_left_s)
        except LabClosedError:
            # A block that was broken off doesn't count: those that it lacks would leave.
            self.stop = "failed" if self._has_failed(0) else "budget"
        self._conclude(race)
        return race

    def _run_block(self, race: Race, until_left_s: float) -> None:
        """Measure all that are in, and drop those that are slower.

        Raises:
            LabClosedError: the time is over, or the present configuration failed.
        """
        block = race.blocks
        order = random.Random(f"{self.seed}/race/{block}").sample(race.left, len(race.left))
        speeds: dict[int, float] = {}
        kept_s = self._find_kept_s(race, until_left_s)
        for number in order:
            if self.lab.find_left_s() < kept_s:
                # Trials took longer than was expected.
                raise LabClosedError
            # The present one is what all are compared with.
            cap_s = None if number == 0 else self._cap.find_s()
            measured = self.lab.measure("race", number, block, cap_s)
            self._cap.add(measured)
            if measured.samples_per_s is None:
                self._ends[number] = Fate("capped" if measured.is_slow else "failed", measured.problem)
                race.drop(number)
                if self._has_failed(0):
                    # There is nothing to compare others with.
                    raise LabClosedError
            else:
                speeds[number] = measured.samples_per_s
        for number, speed in speeds.items():
            self._speeds.setdefault(number, {})[block] = speed
        for number in race.add_block(speeds):
            self._ends[number] = Fate("slower")

    def _has_failed(self, number: int) -> bool:
        return number in self._ends and self._ends[number].end == "failed"

    def _is_over(self, race: Race, until_left_s: float) -> bool:
        """Judge whether the race is over, and keep why."""
        left = race.left
        block_s = sum(self.lab.estimate_s("race", number) for number in left)
        if len(left) < 2:
            self.stop = "one left" if race.blocks else "none"
        elif race.blocks >= FEWEST_BLOCKS and race.bound_regret(race.rank()[0]) <= self.regret:
            self.stop = "regret"
        elif race.blocks >= MOST_BLOCKS:
            self.stop = "blocks"
        elif self.lab.find_left_s() - block_s < self._find_kept_s(race, until_left_s):
            self.stop = "budget" if race.blocks else "none"
        else:
            return False
        return True

    def _find_kept_s(self, race: Race, until_left_s: float) -> float:
        """Return the seconds that the next block must leave.

        Fresh blocks have nothing to judge while the present configuration leads, or none is known to. All the
        time may then go into the race, which bounds a regret after some blocks.
        """
        leader = race.rank()[0] if race.blocks else self.leader
        if leader is None:
            return 0.0
        if leader:
            return until_left_s
        block_s = sum(self.lab.estimate_s("race", number) for number in race.left)
        return min(until_left_s, max(0, FEWEST_BLOCKS - race.blocks - 1) * block_s)

    def find_cheapest(self, race: Race, costs: Callable[[int], tuple[float, ...]]) -> int:
        """Return the cheapest of the tie set that is as fast as the leader, by the race.

        Args:
            race: the race.
            costs: returns what a configuration costs beside its speed; smaller is cheaper.
        """
        ranked = race.rank()
        leader = ranked[0]
        near = [number for number in ranked if self.compare(number, leader) >= 1 - INDIFFERENT]
        return min(near, key=lambda number: (costs(number), ranked.index(number)))

    def list_differences(self, number: int, other: int) -> list[float]:
        """Return the logarithm of the ratio of one to another in each block of both."""
        ratios = pair_ratios(self._speeds.get(number, {}), self._speeds.get(other, {}))
        return [math.log(ratio) for ratio in ratios]

    def compare(self, number: int, other: int) -> float:
        """Return the throughput of one over that of another, in the blocks of both; NaN without one."""
        differences = self.list_differences(number, other)
        return math.exp(statistics.median(differences)) if differences else math.nan

    def _conclude(self, race: Race) -> None:
        for number in race.numbers:
            end = self._ends.get(number, Fate("tied"))
            ratio = self.compare(number, 0)
            self.fates[number] = Fate(
                end.end,
                end.problem,
                race_ratio=None if math.isnan(ratio) else ratio,
                blocks=len(self._speeds.get(number, {})),
            )
