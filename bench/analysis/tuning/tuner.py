"""Tuner: the policy of a tuning, which chooses the trials and the configuration."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace

from bench.analysis.racing.race import ERROR, Race
from bench.analysis.statistics import FEWEST_BLOCKS, pair_ratios
from bench.analysis.tuning import confirming
from bench.analysis.tuning.lab import Ceilings, Lab, LabClosedError, Stage
from bench.analysis.tuning.outcome import Fate, Outcome, Verdict
from bench.analysis.tuning.racing_stage import RacingStage
from bench.analysis.tuning.screening import LEAST_NOISE, Screening
from bench.analysis.tuning.surrogate import Surrogate
from bench.analysis.tuning.watched_lab import WatchedLab, is_nothing_to_load_faster

# A race of more configurations than this begins with a screen, which keeps so many.
SCREEN_ABOVE, SURVIVORS = 24, 16
# A race with fewer blocks drops hardly any. So many configurations are raced in any case.
FEWEST_RACE_BLOCKS, FEWEST_RACED = 5, 2
# Share of a leader's gap in the race that holds in fresh blocks, about.
HELD = 0.8
# Shares of the budget that are kept for fresh blocks at most: for the usual ones; for the fewest of three
# configurations; and for the fewest of two, as only these give an answer. And what the screen may take of the
# rest.
CONFIRM_SHARE, CONFIRM_MOST, ANSWER_MOST, SCREEN_SHARE = 0.25, 0.4, 0.6, 0.75


@dataclass(frozen=True)
class TunerOptions:
    """Aims of a tuning.

    Attributes:
        regret: bound on the regret at which the race stops, as a share; default 3%.
        error: probability that the race loses the fastest, or bounds the regret too low; default 5%.
        seed: decides every order.
        screen_above: number of configurations above which a screen comes before the race; default 24.
        survivors: number of configurations that the screen keeps; default 16.
        confirm_blocks: fresh blocks; default 8. A small gap and much noise take more, up to 40, and a short
            budget leaves fewer.
    """

    regret: float = 0.03
    error: float = ERROR
    seed: int = 0
    screen_above: int = SCREEN_ABOVE
    survivors: int = SURVIVORS
    confirm_blocks: int = confirming.BLOCKS


class Tuner:
    """The policy of a tuning. Configurations go by their numbers; 0 is the present one.

    1. A screen, where there are many or the budget is short: each configuration once in a short trial. The
       best go on. This is outside of the guarantee.
    2. A race in randomised blocks. Pooled e-values drop the slower ones, so it may be looked at after each
       block.
    3. Fresh blocks of the leader, the cheapest that ties with it, and the present one. Only these tell the
       gain: that of a leader is inflated by its selection.
    """

    def __init__(
        self,
        lab: Lab,
        costs: Sequence[tuple[float, ...]],
        options: TunerOptions,
        settings: Sequence[Mapping[str, str]] | None = None,
        ceilings: Ceilings | None = None,
    ) -> None:
        """Prepare a tuning.

        Args:
            lab: runs the trials.
            costs: what each configuration costs beside its time, such as its number of processes, at least
                one. The cheapest of equal ones is chosen.
            options: what the tuning aims at.
            settings: settings of each configuration, from which a screen guesses what to look at first;
                default None for a random order.
            ceilings: measures what bounds configurations; default None.
        """
        self._ceilings = ceilings
        self._settings = settings
        self._lab = WatchedLab(lab)
        self._costs = costs
        self._options = options

    def run(self) -> Outcome:
        """Screen, race and confirm."""
        options, count, reserve_s = self._options, len(self._costs), self._reserve_s()
        numbers = list(range(1, count))
        surrogate = None if self._settings is None else Surrogate(self._settings)
        screening = Screening(self._lab, options.seed, options.survivors, surrogate)
        if count > options.screen_above or self._is_short(count, reserve_s):
            self._lab.prepare("screen", range(count))
            left_s = self._lab.find_left_s() - reserve_s
            until_left_s = reserve_s + (1 - SCREEN_SHARE) * left_s if left_s < math.inf else 0.0
            numbers = screening.run(numbers, until_left_s)
            # By now it is known how long trials are.
            shortest_s = self._estimate_answer_s("race", (0, *numbers[:1]))
            reserve_s = max(reserve_s, shortest_s) if shortest_s <= self._lab.find_left_s() else reserve_s
            numbers = self._limit(numbers, reserve_s, screening)
        self._lab.prepare("race", [0, *numbers])
        faster = [number for number in numbers if screening.ratios.get(number, 0.0) > 1]
        first = next(iter(faster), 0) if screening.ratios else None
        stage = RacingStage(self._lab, options.seed, options.regret, options.error, first)
        race = stage.run([0, *numbers], reserve_s)
        fates = {**self._merge(screening, stage), **screening.fates}
        outcome = self._choose(race, stage, fates, screening, numbers)
        if fates[0].end == "failed":
            return outcome
        to_confirm = tuple(dict.fromkeys([0, outcome.leader, outcome.cheapest]))
        if len(to_confirm) > 1:
            outcome = self._confirm(outcome, to_confirm, stage, race)
        judged = self._judge(replace(outcome, loading_gain=self._lab.find_loading_gain()))
        if judged.verdict == "undecided" and is_nothing_to_load_faster(judged, options.regret):
            return replace(judged, verdict="nothing", by_waits=True)
        return judged

    def _is_short(self, count: int, reserve_s: float) -> bool:
        """Return True if the budget has no time for a race of all configurations."""
        block_s = sum(self._lab.estimate_s("race", number) for number in range(count))
        left_s = self._lab.find_left_s() - reserve_s
        return count > FEWEST_RACED + 1 and left_s < FEWEST_RACE_BLOCKS * block_s

    def _reserve_s(self) -> float:
        """Return the seconds that are kept for fresh blocks."""
        left_s = self._lab.find_left_s()
        if left_s == math.inf:
            return 0.0
        # The winner is hardly slower than the present one.
        block_s = confirming.CONFIRMED * self._lab.estimate_s("confirm", 0)
        blocks = self._options.confirm_blocks + self._lab.audit_trials
        usual_s = min(CONFIRM_SHARE * left_s, blocks * block_s)
        trial_s = self._lab.estimate_s("screen", 0)
        short_s = min(CONFIRM_MOST * left_s, confirming.FEWEST * confirming.CONFIRMED * trial_s)
        shortest_s = min(ANSWER_MOST * left_s, self._estimate_answer_s("screen", (0, 0)))
        return max(usual_s, short_s, shortest_s)

    def _estimate_answer_s(self, stage: Stage, numbers: Sequence[int]) -> float:
        """Return the seconds of the fewest fresh blocks, if their trials are as long as those of a part."""
        trials_s = sum(self._lab.estimate_s(stage, number) for number in numbers)
        return (FEWEST_BLOCKS + self._lab.audit_trials) * trials_s

    def _limit(self, numbers: list[int], reserve_s: float, screening: Screening) -> list[int]:
        """Return as many of the best as a race of a few blocks has time for."""
        room_s = (self._lab.find_left_s() - reserve_s) / FEWEST_RACE_BLOCKS
        room_s -= self._lab.estimate_s("race", 0)
        kept: list[int] = []
        for number in numbers:
            room_s -= self._lab.estimate_s("race", number)
            if room_s < 0 and len(kept) >= FEWEST_RACED:
                break
            kept.append(number)
        for number in numbers[len(kept) :]:
            screening.fates[number] = Fate("screened", screen_ratio=screening.ratios[number])
        return kept

    def _merge(self, screening: Screening, stage: RacingStage) -> dict[int, Fate]:
        """Return the fates of the raced, with what the screen saw of them."""
        return {
            number: replace(fate, screen_ratio=screening.ratios.get(number))
            for number, fate in stage.fates.items()
        }

    def _choose(
        self,
        race: Race,
        stage: RacingStage,
        fates: Mapping[int, Fate],
        screening: Screening,
        screened: Sequence[int],
    ) -> Outcome:
        """Return the outcome of the race, before fresh blocks.

        Where there was no time for a block of it, the screen's fastest leads. Fresh blocks judge it in any
        case.
        """
        tied = tuple(race.rank()) if race.blocks else ()
        faster = [n for n in screened if n in race.left and screening.ratios.get(n, 0.0) > 1]
        leader = tied[0] if tied else next(iter(faster), 0)
        bound = race.bound_regret(leader) if tied else math.inf
        return Outcome(
            leader=leader,
            cheapest=stage.find_cheapest(race, self._costs.__getitem__) if tied else leader,
            chosen=0,
            tied=tied,
            fates=fates,
            verdict="undecided",
            stop=stage.stop,
            regret_bound=bound if bound < math.inf else None,
            race_blocks=race.blocks,
            confirm_blocks=0,
            raced=len(race.numbers),
            noise=race.estimate_noise() or screening.noise,
        )

    def _confirm(self, outcome: Outcome, numbers: Sequence[int], stage: RacingStage, race: Race) -> Outcome:
        """Return the outcome with as many fresh blocks as its gap takes and the budget has."""
        options = self._options
        ratio = stage.compare(outcome.leader, 0)
        if math.isnan(ratio):
            ratio = outcome.fates[outcome.leader].screen_ratio or 0.0
        # The ratio of a leader is selected, so it is a little too large.
        gap = max(math.log1p(options.regret), abs(math.log(ratio)) * HELD if ratio > 0 else 0.0)
        noise = outcome.noise if outcome.noise is not None else LEAST_NOISE
        self._lab.prepare("confirm", numbers)
        wanted = confirming.want_blocks(gap, noise, options.confirm_blocks)
        enough = confirming.want_blocks(gap, noise, confirming.FEWEST)
        plan = confirming.plan_fresh(self._lab, self._ceilings, numbers, wanted, enough)
        blocks, within = plan.blocks, self._ceilings if plan.has_ceilings else None
        speeds = confirming.measure_fresh(self._lab, plan.numbers, range(blocks), options.seed, within)
        confirmed = confirming.confirm(speeds)
        outcome = replace(outcome, confirmed=confirmed, confirm_blocks=blocks if confirmed else 0)
        if outcome.leader:
            fresh = pair_ratios(speeds[0], speeds[outcome.leader])
            differences = stage.list_differences(0, outcome.leader) + [math.log(ratio) for ratio in fresh]
            if self._is_promising(outcome):
                differences += self._settle(outcome.leader, blocks, race, differences)
            outcome = replace(outcome, is_shown=race.shows_slower(differences))
        if not plan.has_ceilings:
            self._measure_ceilings(plan)
        return outcome

    def _measure_ceilings(self, plan: confirming.FreshPlan) -> None:
        """Measure what bounds the confirmed configurations, if the time that is left allows an interval."""
        if self._ceilings is None or plan.blocks < FEWEST_BLOCKS:
            return
        needed_s = self._ceilings.estimate_s(plan.numbers)
        if self._lab.find_left_s() < FEWEST_BLOCKS * needed_s:
            return
        with suppress(LabClosedError):
            for block in range(plan.blocks):
                if self._lab.find_left_s() < needed_s:
                    break
                self._ceilings.measure(plan.numbers, block)

    def _is_promising(self, outcome: Outcome) -> bool:
        """Return True if fresh blocks show a gain of the leader by their median, and none by an interval."""
        gains = {number: one.gain for number, one in outcome.confirmed.items() if number}
        shown = any(gain.low is not None and gain.low > 1 for gain in gains.values())
        leader = gains.get(outcome.leader)
        return not shown and leader is not None and leader.median > 1 + self._options.regret

    def _settle(self, leader: int, first: int, race: Race, differences: Sequence[float]) -> list[float]:
        """Measure more blocks until all together show the leader to be faster, which may be looked at.

        The quoted gain keeps its blocks: their number was fixed before they were seen.

        Args:
            leader: the fastest in the race.
            first: number of the first block.
            race: the race.
            differences: logarithm of the present one's ratio to the leader in each block so far.

        Returns:
            The same of the blocks that were measured.
        """
        found: list[float] = []
        block_s = sum(self._lab.estimate_s("confirm", number) for number in (0, leader))
        for block in range(first, confirming.MOST):
            if race.shows_slower([*differences, *found]) or self._lab.find_left_s() < block_s:
                break
            speeds = confirming.measure_fresh(self._lab, (0, leader), [block], self._options.seed)
            ratios = pair_ratios(speeds[0], speeds[leader])
            if not ratios:
                break
            found += [math.log(ratio) for ratio in ratios]
        return found

    def _judge(self, outcome: Outcome) -> Outcome:
        """Choose by the fresh blocks, and say what they show."""
        if outcome.leader == 0:
            shown = outcome.regret_bound is not None and outcome.regret_bound <= self._options.regret
            return replace(outcome, verdict="nothing" if shown else "undecided")
        gains = {number: one.gain for number, one in outcome.confirmed.items() if number}
        faster = [number for number, gain in gains.items() if gain.low is not None and gain.low > 1]
        if faster:
            return replace(outcome, chosen=self._prefer(faster, outcome), verdict="gain")
        slower = [gain.high is not None and gain.high < 1 for gain in gains.values()]
        if outcome.is_shown and not any(slower):
            return replace(outcome, chosen=outcome.leader, verdict="gain")
        small = [gain.high is not None and gain.high <= 1 + self._options.regret for gain in gains.values()]
        verdict: Verdict = "nothing" if small and all(small) else "undecided"
        return replace(outcome, verdict=verdict)

    def _prefer(self, faster: Sequence[int], outcome: Outcome) -> int:
        """Return the cheapest if the fresh blocks show no loss by it, else the fastest of these blocks."""
        gains = {number: outcome.confirmed[number].gain.median for number in faster}
        best = max(faster, key=gains.__getitem__)
        near = [number for number in faster if gains[number] >= (1 - self._options.regret) * gains[best]]
        return min(near, key=lambda number: (self._costs[number], -gains[number]))
