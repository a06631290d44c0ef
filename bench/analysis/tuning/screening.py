"""Screening: one short trial of each of many configurations, to find those that are worth a race."""

from __future__ import annotations

import itertools
import math
import random
import statistics
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field

from bench.analysis.tuning.capping import Cap
from bench.analysis.tuning.lab import Lab, LabClosedError
from bench.analysis.tuning.outcome import Fate
from bench.analysis.tuning.surrogate import Surrogate

# The present configuration is measured again after so many trials, to see how the machine's speed drifts.
REFERENCE_EVERY = 10
# Trials of the present configuration that tell the speed of the machine at one time.
REFERENCES = 3
# Where the budget is short, a further one may take so many times as long as the others' trials, or this share
# of what is left for the screen.
REFERENCE_USUAL, REFERENCE_SHARE = 2.0, 0.1
# Passes over those that are left. More are no cheaper than a race.
MOST_PASSES = 3
# Configurations within so many standard errors of the leader are kept, where the next pass can afford them.
STANDARD_ERRORS = 3.0
# A spread that was estimated from few trials may be too small by chance.
LEAST_NOISE = 0.02
# Where a pass has no time for all, the most promising ones are looked at first after this share of what
# there is time for, and after so many trials, which a guess takes; or after half of the time, where that is
# less.
RANDOM_SHARE, FEWEST_SEEN = 0.3, 20
# A disturbed trial runs at about half its speed.
DISTURBED = 0.45
# A normal distribution's standard deviation over its median absolute deviation.
DEVIATIONS = 1.4826


@dataclass
class Screening:
    """One short trial of each of many configurations.

    A screen has no guarantee: a configuration may be left out because of a single disturbed trial. It costs a
    fraction of a race.

    Attributes:
        lab: runs the trials.
        seed: decides their order.
        survivors: number of configurations that are kept at most.
        surrogate: guesses speeds from settings, to look at the most promising ones first; None for a random
            order.
        fates: configurations that left; the others are absent.
        ratios: throughput of each configuration over the present one's, the drift of the machine taken out.
        noise: spread of one trial of the present configuration, as a share; None before there are enough.
    """

    lab: Lab
    seed: int
    survivors: int
    surrogate: Surrogate | None = None
    fates: dict[int, Fate] = field(default_factory=dict)
    ratios: dict[int, float] = field(default_factory=dict)
    noise: float | None = None
    _logs: dict[int, list[float]] = field(default_factory=dict)
    _cap: Cap = field(default_factory=Cap)

    def run(self, numbers: Sequence[int], until_left_s: float) -> list[int]:
        """Screen configurations, and return the numbers of those that are worth a race, the fastest first.

        Args:
            numbers: the configurations, without 0, the present one, the most promising first.
            until_left_s: seconds of the budget that the screen must leave.
        """
        left = list(numbers)
        for turn in range(MOST_PASSES):
            if turn and not self._affords(left, until_left_s):
                break
            with suppress(LabClosedError):
                self._pass(turn, left, until_left_s)
            for number in left:
                if number not in self._logs and number not in self.fates:
                    self.fates[number] = Fate("unseen")
            if 0 in self.fates:
                left = []
                break
            ranked = sorted((n for n in left if n not in self.fates), key=lambda n: -self.ratios[n])
            doubtful = [n for n in ranked if self.ratios[n] >= DISTURBED * self.ratios[ranked[0]]]
            if turn == 0 and self._affords(doubtful, 2 * until_left_s):
                # A trial at half speed may have been disturbed, so it gets another one.
                left = doubtful
                continue
            left = self._keep(ranked, turn + 1)
            if len(left) <= self.survivors:
                break
        kept = left[: self.survivors + self.survivors // 4]
        for number, ratio in self.ratios.items():
            if number not in kept and number not in self.fates:
                self.fates[number] = Fate("screened", screen_ratio=ratio)
        return kept

    def _affords(self, numbers: Sequence[int], until_left_s: float) -> bool:
        """Return True if a trial of each of some configurations ends in time."""
        needed_s = sum(self.lab.estimate_s("screen", number) for number in numbers)
        return self.lab.find_left_s() - needed_s >= until_left_s

    def _affords_reference(self, until_left_s: float) -> bool:
        """Return True if the present configuration is not so slow that measuring it again takes the time."""
        if not (known_s := sorted(self._cap.seconds)):
            return True
        reference_s, usual_s = self.lab.estimate_s("screen", 0), known_s[len(known_s) // 4]
        left_s = self.lab.find_left_s() - until_left_s
        return reference_s <= max(REFERENCE_USUAL * usual_s, REFERENCE_SHARE * left_s)

    def _count_fitting(self, numbers: Sequence[int], until_left_s: float) -> int:
        """Return about how many configurations a pass has time for, at least one."""
        seconds = sum(self.lab.estimate_s("screen", number) for number in numbers)
        left_s = self.lab.find_left_s() - until_left_s
        if seconds <= left_s:
            return len(numbers)
        return max(1, int(len(numbers) * max(0.0, left_s) / seconds))

    def _pass(self, turn: int, numbers: Sequence[int], until_left_s: float) -> None:
        """Measure each configuration once, as far as the time allows."""
        if not self._affords([0], 0.0):
            return
        left = random.Random(f"{self.seed}/screen/{turn}").sample(numbers, len(numbers))
        fitting = self._count_fitting(numbers, until_left_s)
        # Without time for all, the most promising ones come first, once enough were seen to guess.
        needed = len(numbers)
        if self.surrogate is not None and fitting < len(numbers):
            # There may be time for a few only, so these come in the order of their promise.
            first, _ = self.surrogate.cover(numbers)
            few = min(FEWEST_SEEN, max(len(first), fitting // 2))
            shown = set(first)
            others = [number for number in left if number not in shown]
            left, needed = first + others, max(few, math.ceil(RANDOM_SHARE * fitting))
        references: list[tuple[int, float]] = []
        found: list[tuple[int, int, float]] = []
        try:
            for place in range(len(numbers)):
                if place == 0 or (place % REFERENCE_EVERY == 0 and self._affords_reference(until_left_s)):
                    references += self._measure_reference(turn, place)
                if place >= needed:
                    left = self._order(left, references, found)
                number = left[0]
                # Without any that works, there is nothing to keep time for.
                is_over = found or self.lab.find_left_s() <= 0
                if is_over and not self._affords([number], until_left_s):
                    break
                left = left[1:]
                measured = self.lab.measure("screen", number, turn, self._cap.find_s())
                self._cap.add(measured)
                if measured.samples_per_s is None:
                    self.fates[number] = Fate("capped" if measured.is_slow else "failed", measured.problem)
                else:
                    found.append((place, number, math.log(measured.samples_per_s)))
            # Without another speed, nothing is held against the present configuration's.
            if found and self._affords_reference(until_left_s):
                references += self._measure_reference(turn, len(numbers))
        finally:
            self._take(references, found)

    def _order(
        self,
        left: list[int],
        references: Sequence[tuple[int, float]],
        found: Sequence[tuple[int, int, float]],
    ) -> list[int]:
        """Return those that are left in the order of their guessed speeds."""
        if self.surrogate is None or not found:
            return left
        guessed = self.surrogate.predict({n: log - _find_level(references, at) for at, n, log in found})
        return sorted(left, key=lambda number: -guessed[number])

    def _take(self, references: Sequence[tuple[int, float]], found: Sequence[tuple[int, int, float]]) -> None:
        """Take in the trials of a pass."""
        self._estimate_noise([log for _, log in references])
        for place, number, log in found:
            self._logs.setdefault(number, []).append(log - _find_level(references, place))
            self.ratios[number] = math.exp(_sum_up(self._logs[number]))

    def _measure_reference(self, turn: int, place: int) -> list[tuple[int, float]]:
        measured = self.lab.measure("screen", 0, turn)
        self._cap.add(measured)
        if measured.samples_per_s is None:
            # There is nothing to compare others with.
            self.fates[0] = Fate("failed", measured.problem)
            raise LabClosedError
        return [(place, math.log(measured.samples_per_s))]

    def _estimate_noise(self, logs: Sequence[float]) -> None:
        """Estimate the spread of one trial from differences of neighbours, which drift hardly changes."""
        steps = [abs(after - before) for before, after in itertools.pairwise(logs)]
        if len(steps) >= REFERENCES:
            self.noise = DEVIATIONS * statistics.median(steps) / math.sqrt(2)

    def _keep(self, ranked: Sequence[int], passes: int) -> list[int]:
        """Return those that may be as fast as the leader, the fastest first.

        One that was slow in its trials stays, at the end, if others with its settings are fast: its trial may
        have been disturbed.
        """
        if not ranked:
            return []
        noise = max(LEAST_NOISE, self.noise or 0.0)
        margin = STANDARD_ERRORS * noise * math.sqrt(2 / passes)
        least = self.ratios[ranked[0]] * math.exp(-margin)
        near = [number for number in ranked if self.ratios[number] >= least]
        few = self.survivors // 2
        kept = near if len(near) >= few else [*ranked[:few]]
        return kept + self._rescue([number for number in ranked if number not in kept], least)

    def _rescue(self, others: Sequence[int], least: float) -> list[int]:
        """Return those of which others with the same settings are as fast as it takes."""
        if self.surrogate is None or not others or len(self.ratios) < FEWEST_SEEN:
            return []
        guessed = self.surrogate.predict_from_others(
            {number: math.log(ratio) for number, ratio in self.ratios.items()}
        )
        doubtful = [number for number in others if guessed[number] >= math.log(least)]
        return sorted(doubtful, key=lambda number: -guessed[number])[: self.survivors // 4]


def _find_level(references: Sequence[tuple[int, float]], place: int) -> float:
    """Return the speed of the machine at a place of the order, as a logarithm."""
    nearest = sorted(references, key=lambda reference: abs(reference[0] - place))[:REFERENCES]
    return statistics.median(log for _, log in nearest) if nearest else 0.0


def _sum_up(logs: Sequence[float]) -> float:
    """Return the speed of a configuration, as a logarithm. A disturbance only slows a trial down."""
    return statistics.median(logs) if len(logs) > REFERENCES - 1 else max(logs)
