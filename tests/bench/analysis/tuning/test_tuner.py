"""Tests of the policy of a tuning, on a lab whose clock and noise are made up."""

from __future__ import annotations

import math
import random
from collections.abc import Sequence
from typing import ClassVar

import pytest

from bench.analysis.tuning.confirming import measure_fresh, plan_fresh
from bench.analysis.tuning.lab import LabClosedError, Measured, Stage
from bench.analysis.tuning.outcome import Outcome
from bench.analysis.tuning.racing_stage import RacingStage
from bench.analysis.tuning.tuner import Tuner, TunerOptions


class MadeUpLab:
    """A lab of configurations with known speeds. A trial takes one second."""

    audit_trials = 0.0

    def __init__(
        self,
        speeds: Sequence[float],
        *,
        noise: float = 0.01,
        budget_s: float = math.inf,
        broken: Sequence[int] = (),
        closes_after: int | None = None,
        drift: float = 0.0,
    ) -> None:
        self.speeds, self.noise, self.left_s = speeds, noise, budget_s
        self.broken, self.closes_after, self.drift = broken, closes_after, drift
        self.random = random.Random(1)
        self.trials: list[tuple[Stage, int, int]] = []

    def prepare(self, stage: Stage, numbers: Sequence[int]) -> None:
        """Trials of all parts are equally long."""

    def measure(self, stage: Stage, number: int, block: int, cap_s: float | None = None) -> Measured:
        if len(self.trials) == self.closes_after:
            raise LabClosedError
        self.trials.append((stage, number, block))
        seconds = 1.0 / self.speeds[number]
        if cap_s is not None and seconds > cap_s:
            self.left_s -= cap_s
            return Measured(None, cap_s, "too slow", is_slow=True)
        self.left_s -= seconds
        if number in self.broken:
            return Measured(None, seconds, "it failed")
        level = 1 + self.drift * math.sin(len(self.trials) / 30)
        return Measured(level * self.speeds[number] * math.exp(self.random.gauss(0, self.noise)), seconds)

    def estimate_s(self, stage: Stage, number: int) -> float:
        return 1.0

    def find_left_s(self) -> float:
        return self.left_s


def test_tuner_finds_the_fastest_and_its_gain() -> None:
    outcome = Tuner(MadeUpLab([1.0, 1.2, 1.5, 0.9]), [(0.0,)] * 4, TunerOptions()).run()
    assert (outcome.chosen, outcome.verdict) == (2, "gain")
    gain = outcome.confirmed[2].gain
    assert gain.low is not None
    assert gain.high is not None
    assert 1.4 < gain.low <= gain.median <= gain.high < 1.6
    assert outcome.confirm_blocks == gain.blocks == 8
    assert {outcome.fates[n].end for n in (0, 1, 3)} <= {"slower", "capped"}


def test_tuner_says_that_there_is_nothing_to_gain() -> None:
    outcome = Tuner(MadeUpLab([1.0] * 4), [(0.0,)] * 4, TunerOptions()).run()
    assert outcome.chosen == 0
    assert outcome.verdict == "nothing"
    assert outcome.regret_bound is not None
    assert outcome.regret_bound <= 0.03


def test_cheapest_of_equal_ones_is_chosen() -> None:
    costs = [(1.0,), (9.0,), (5.0,), (7.0,)]
    outcome = Tuner(MadeUpLab([1.0, 2.0, 2.0, 2.0]), costs, TunerOptions()).run()
    assert outcome.chosen == 2


def test_screen_keeps_the_best_of_many() -> None:
    speeds = [1.0] + [0.5 + 0.002 * number for number in range(1, 200)] + [1.6]
    lab = MadeUpLab(speeds, noise=0.02, drift=0.1)
    outcome = Tuner(lab, [(0.0,)] * len(speeds), TunerOptions()).run()
    assert outcome.chosen == 200
    assert outcome.raced <= 17
    assert len(outcome.fates) == len(speeds)
    assert sum(fate.end == "screened" for fate in outcome.fates.values()) >= 150


def test_budget_ends_the_screen_and_leaves_time_for_fresh_blocks() -> None:
    speeds = [1.0] * 100 + [2.0]
    lab = MadeUpLab(speeds, budget_s=100.0)
    outcome = Tuner(lab, [(0.0,)] * len(speeds), TunerOptions()).run()
    assert lab.left_s > -3
    assert any(fate.end == "unseen" for fate in outcome.fates.values())
    assert outcome.confirm_blocks == 8
    assert outcome.chosen in (0, 100)


@pytest.mark.parametrize("seed", range(4))
def test_short_screen_sees_a_family_of_a_single_member(seed: int) -> None:
    """Of 261 settings beside a GPU one keeps the dataset on the device, and there is time for some fifty."""
    settings = [
        {"family": "dataloader", "workers": workers, "pinned": pinned, "prefetch": prefetch, "kept": kept}
        for workers in "012346ag"
        for pinned in "01"
        for prefetch in "12345678"
        for kept in "01"
    ]
    settings.append({"family": "resident"})
    speeds = [*(1 + 0.02 * number / len(settings) for number in range(len(settings) - 1)), 8.0]
    lab = MadeUpLab(speeds, budget_s=100.0)
    outcome = Tuner(lab, [(0.0,)] * len(speeds), TunerOptions(seed=seed), settings).run()
    assert outcome.chosen == len(settings) - 1
    assert any(fate.end == "unseen" for fate in outcome.fates.values())


def test_budget_that_is_over_begins_no_trial() -> None:
    """The first look may take all of it."""
    lab = MadeUpLab([1.0] * 30, budget_s=-1.0)
    outcome = Tuner(lab, [(0.0,)] * 30, TunerOptions()).run()
    assert lab.trials == []
    assert (outcome.verdict, outcome.chosen) == ("undecided", 0)
    assert {outcome.fates[number].end for number in range(1, 30)} == {"unseen"}


def test_screen_in_which_all_others_fail_ends_with_the_budget() -> None:
    """There is no speed that a last trial of the present one could be held against."""
    lab = MadeUpLab([1.0] * 30, budget_s=10.0, broken=range(1, 30))
    outcome = Tuner(lab, [(0.0,)] * 30, TunerOptions()).run()
    assert lab.left_s == 0
    assert lab.trials[-1][1] != 0
    assert (outcome.verdict, outcome.chosen) == ("undecided", 0)


def test_without_evidence_nothing_is_claimed() -> None:
    outcome = Tuner(MadeUpLab([1.0, 1.05], noise=0.05, budget_s=9.0), [(0.0,)] * 2, TunerOptions()).run()
    assert (outcome.verdict, outcome.chosen) == ("undecided", 0)


def test_one_that_fails_leaves_with_its_reason() -> None:
    outcome = Tuner(MadeUpLab([1.0, 5.0, 2.0], broken=[1]), [(0.0,)] * 3, TunerOptions()).run()
    assert outcome.chosen == 2
    assert (outcome.fates[1].end, outcome.fates[1].problem) == ("failed", "it failed")


def test_far_slower_one_is_ended_early() -> None:
    outcome = Tuner(MadeUpLab([1.0, 1.3, 0.1]), [(0.0,)] * 3, TunerOptions()).run()
    assert outcome.fates[2].end == "capped"
    assert outcome.chosen == 1


@pytest.mark.parametrize("trials", [0, 1, 7, 20, 40, 60])
def test_interrupt_keeps_what_was_measured(trials: int) -> None:
    lab = MadeUpLab([1.0, 1.1, 1.2] + [1.0] * 30, closes_after=trials)
    outcome = Tuner(lab, [(0.0,)] * 33, TunerOptions()).run()
    assert len(lab.trials) == trials
    assert outcome.verdict == "undecided"
    assert outcome.chosen == 0


def test_single_configuration_has_no_rival() -> None:
    outcome = Tuner(MadeUpLab([1.0]), [(0.0,)], TunerOptions()).run()
    assert outcome.chosen == 0
    assert outcome.stop == "none"


def test_promising_gain_is_settled_by_more_blocks() -> None:
    """Fresh blocks are few and noisy here, and the quoted gain keeps to them."""
    lab = MadeUpLab([1.0, 1.12], noise=0.1)
    outcome = Tuner(lab, [(0.0,)] * 2, TunerOptions(confirm_blocks=4, regret=0.1)).run()
    blocks = {block for stage, _, block in lab.trials if stage == "confirm"}
    assert len(blocks) <= 40
    assert outcome.confirm_blocks <= len(blocks)
    assert (outcome.verdict, outcome.chosen) in {("gain", 1), ("undecided", 0)}


@pytest.mark.parametrize("count", [3, 40])
def test_present_one_that_fails_ends_it(count: int) -> None:
    lab = MadeUpLab([1.0] * count, broken=[0])
    outcome = Tuner(lab, [(0.0,)] * count, TunerOptions()).run()
    assert (outcome.fates[0].end, outcome.fates[0].problem) == ("failed", "it failed")
    assert (outcome.chosen, outcome.verdict) == (0, "undecided")
    assert len(lab.trials) <= count


class LongerLab(MadeUpLab):
    """A lab whose trials take as long as its budget expects of them, by their part."""

    expected_s: ClassVar[dict[Stage, float]] = {"screen": 1.0, "race": 9.0, "confirm": 1.0}

    def measure(self, stage: Stage, number: int, block: int, cap_s: float | None = None) -> Measured:
        measured = super().measure(stage, number, block, cap_s)
        self.left_s += measured.seconds - self.expected_s[stage]
        return measured

    def estimate_s(self, stage: Stage, number: int) -> float:
        return self.expected_s[stage]


class LongFreshLab(LongerLab):
    """A lab whose fresh trials are far longer than those of the race."""

    expected_s: ClassVar[dict[Stage, float]] = {"screen": 1.0, "race": 1.0, "confirm": 9.0}


def test_without_time_for_fresh_blocks_no_size_is_claimed() -> None:
    """The race shows that it is faster, whenever it stops; not by how much."""
    lab = LongFreshLab([1.0, 2.0], budget_s=20.0)
    outcome = Tuner(lab, [(0.0,)] * 2, TunerOptions(confirm_blocks=8)).run()
    assert (outcome.verdict, outcome.chosen) == ("gain", 1)
    assert not outcome.is_confirmed


@pytest.mark.parametrize("budget_s", [8.0, 9.0, 10.0, 12.0, 15.0, 20.0])
def test_short_budget_keeps_time_for_the_fewest_fresh_blocks(budget_s: float) -> None:
    """Only these give an answer."""
    lab = MadeUpLab([1.0, 1.0, 1.0, 1.5], budget_s=budget_s)
    lab.estimate_s = lambda stage, number: 1 / lab.speeds[number]  # type: ignore[method-assign]
    outcome = Tuner(lab, [(0.0,)] * 4, TunerOptions()).run()
    if outcome.leader == 3:
        assert outcome.is_confirmed


def test_without_time_for_a_race_fresh_blocks_judge_the_fastest_of_the_screen() -> None:
    speeds = [1.0] * 29 + [2.0]
    outcome = Tuner(LongerLab(speeds, budget_s=60.0), [(0.0,)] * 30, TunerOptions()).run()
    assert outcome.race_blocks == 0
    assert (outcome.chosen, outcome.verdict) == (29, "gain")
    assert outcome.is_confirmed
    assert outcome.regret_bound is None


def test_without_time_for_the_cheapest_too_the_leader_gets_fresh_blocks() -> None:
    """Four blocks of two take 8 s here, and of three 12 s."""
    costs, speeds = [(0.0,), (9.0,), (1.0,)], [1.0, 2.0, 1.999]
    lab = MadeUpLab(speeds, noise=0.001)
    race = Tuner(lab, costs, TunerOptions()).run()
    assert race.cheapest == 2 != race.leader
    raced = len([trial for trial in lab.trials if trial[0] == "race"])
    lab = MadeUpLab(speeds, noise=0.001)
    lab.find_left_s = lambda: 10.0 if len(lab.trials) >= raced else math.inf  # type: ignore[method-assign]
    outcome = Tuner(lab, costs, TunerOptions()).run()
    assert outcome.confirm_blocks >= 4
    assert set(outcome.confirmed) == {0, outcome.leader}
    assert (outcome.chosen, outcome.verdict) == (1, "gain")


class MadeUpCeilings:
    """Ceilings that take two seconds a block, of a lab whose trials take one second."""

    def __init__(self, lab: MadeUpLab) -> None:
        self.lab = lab

    def measure(self, numbers: Sequence[int], block: int) -> None:
        self.lab.left_s -= 2.0
        self.lab.trials.append(("confirm", -1, block))

    def estimate_s(self, numbers: Sequence[int]) -> float:
        return 2.0


def list_fresh(left_s: float) -> tuple[Outcome, list[tuple[int, int]]]:
    """Tune two configurations, with some seconds left for the fresh blocks, and return their trials."""
    lab = MadeUpLab([1.0, 2.0], budget_s=1000.0)
    begin = lab.prepare

    def prepare(stage: Stage, numbers: Sequence[int]) -> None:
        lab.left_s = left_s if stage == "confirm" else lab.left_s
        begin(stage, numbers)

    lab.prepare = prepare  # type: ignore[method-assign]
    outcome = Tuner(lab, [(0.0,)] * 2, TunerOptions(), ceilings=MadeUpCeilings(lab)).run()
    return outcome, [(number, block) for stage, number, block in lab.trials if stage == "confirm"]


def test_ceilings_are_measured_in_each_fresh_block() -> None:
    outcome, fresh = list_fresh(100.0)
    assert outcome.confirm_blocks == 8
    assert [block for _, block in fresh] == [block for block in range(8) for _ in range(3)]
    assert [number for number, _ in fresh].count(-1) == 8


def test_short_budget_gives_the_gain_before_the_ceilings() -> None:
    """Eight blocks take 32 s with them."""
    outcome, fresh = list_fresh(24.0)
    assert (outcome.verdict, outcome.confirm_blocks) == ("gain", 8)
    assert -1 not in {number for number, _ in fresh[:16]}
    assert fresh[16:] == [(-1, block) for block in range(len(fresh) - 16)]
    assert len(fresh) - 16 >= 3


@pytest.mark.parametrize(("enough", "blocks"), [(4, 5), (5, 5), (6, 8), (40, 8)])
def test_blocks_beyond_those_that_show_the_gain_make_way_for_ceilings(enough: int, blocks: int) -> None:
    """Eight blocks take 16 s, and three blocks of ceilings 6 s."""
    lab = MadeUpLab([1.0, 2.0], budget_s=17.0)
    plan = plan_fresh(lab, MadeUpCeilings(lab), (0, 1), 8, enough)
    assert (plan.numbers, plan.blocks, plan.has_ceilings) == ((0, 1), blocks, False)


def test_ceilings_of_fewer_than_three_blocks_are_not_measured() -> None:
    """They give no interval."""
    outcome, fresh = list_fresh(8.5)
    assert (outcome.verdict, outcome.confirm_blocks) == ("gain", 4)
    assert -1 not in {number for number, _ in fresh}


def test_audit_of_the_first_fresh_trials_takes_time() -> None:
    """Three blocks of two take 6 s without it, and 8.4 s with it."""
    for left_s, blocks in ((8.3, 0), (8.5, 3), (10.5, 4), (18.3, 7), (18.5, 8)):
        lab = MadeUpLab([1.0, 2.0], budget_s=left_s)
        lab.audit_trials = 1.2
        assert plan_fresh(lab, None, (0, 1), 8, 4).blocks == blocks


def test_three_fresh_blocks_of_two_are_better_than_none() -> None:
    outcome, fresh = list_fresh(7.0)
    assert (outcome.verdict, outcome.confirm_blocks, len(fresh)) == ("gain", 3, 6)
    assert outcome.is_confirmed


def test_fresh_blocks_end_half_a_block_before_the_budget() -> None:
    """Where trials take longer than was expected, the next block would end long after it."""
    lab = MadeUpLab([1.0, 1.0], budget_s=math.inf)
    lab.estimate_s = lambda stage, number: 2.0  # type: ignore[method-assign]
    for left_s, blocks in ((math.inf, 8), (10.0, 5), (9.5, 4), (1.0, 3)):
        lab.left_s = left_s
        assert len(measure_fresh(lab, [0, 1], range(8), 0)[0]) == blocks


def test_present_one_that_leads_needs_no_time_for_fresh_blocks() -> None:
    """All of it goes into the bound on its regret."""
    lab = MadeUpLab([1.0, 0.7, 0.7, 0.7], noise=0.1, budget_s=120.0)
    outcome = Tuner(lab, [(0.0,)] * 4, TunerOptions(regret=0.001)).run()
    assert outcome.leader == 0
    assert outcome.stop in ("one left", "budget")
    assert outcome.stop == "one left" or lab.left_s < 5


@pytest.mark.parametrize(("left_s", "blocks"), [(8.0, 0), (10.0, 3)])
def test_race_that_the_present_one_leads_has_time_for_a_bound_or_none(left_s: float, blocks: int) -> None:
    """There is none after one or two blocks, so they would be no use."""
    lab = MadeUpLab([1.0, 0.9, 0.9], budget_s=left_s)
    stage = RacingStage(lab, seed=0, regret=1e-9, error=0.05, leader=0)
    assert stage.run([0, 1, 2], 100.0).blocks >= blocks
    assert bool(lab.trials) == bool(blocks)


def test_time_for_fresh_blocks_alone_is_no_use() -> None:
    """Without a screen or a block of the race they have nothing to judge."""
    lab = LongerLab([1.0, 2.0], budget_s=28.0)
    outcome = Tuner(lab, [(0.0,)] * 2, TunerOptions()).run()
    assert outcome.race_blocks == 1
    assert (outcome.chosen, outcome.verdict) == (1, "gain")
    assert outcome.is_confirmed


def test_settings_that_all_fail_take_no_more_than_the_budget() -> None:
    lab = MadeUpLab([1.0] * 100, budget_s=30.0, broken=range(1, 100))
    outcome = Tuner(lab, [(0.0,)] * 100, TunerOptions()).run()
    assert lab.left_s > -2
    assert (outcome.chosen, outcome.verdict) == (0, "undecided")


class SlowPresentLab(MadeUpLab):
    """A lab that knows how long trials take."""

    def estimate_s(self, stage: Stage, number: int) -> float:
        return 1.0 / self.speeds[number]


def test_present_one_that_is_far_slower_does_not_take_the_time_of_fresh_blocks() -> None:
    """Its trials in the screen tell the drift of the machine, which matters less."""
    lab = SlowPresentLab([0.1] + [1.0] * 29 + [2.0], budget_s=100.0)
    outcome = Tuner(lab, [(0.0,)] * 31, TunerOptions()).run()
    assert [trial[:2] for trial in lab.trials].count(("screen", 0)) == 1
    assert outcome.is_confirmed
    assert outcome.verdict == "gain"
    assert lab.left_s > -10


def test_short_budget_screens_few_configurations_too() -> None:
    """A race of 12 would take 60 s."""
    lab = MadeUpLab([1.0] * 11 + [2.0], budget_s=40.0)
    outcome = Tuner(lab, [(0.0,)] * 12, TunerOptions()).run()
    assert lab.trials[0][0] == "screen"
    assert (outcome.chosen, outcome.verdict) == (11, "gain")
    assert lab.left_s > -3


@pytest.mark.parametrize("seed", range(4))
def test_budget_for_few_trials_goes_to_the_most_promising(seed: int) -> None:
    """There is time for two of seven others. The first is the most promising, whatever the seed is."""
    settings = [
        {"workers": workers, "threads": threads}
        for threads, counts in (("2", "4012"), ("1", "4012"))
        for workers in counts
    ]
    lab = MadeUpLab([1.0, 4.0, *[1.0] * 6], budget_s=10.0)
    outcome = Tuner(lab, [(0.0,)] * 8, TunerOptions(seed=seed), settings).run()
    screened = [number for stage, number, _ in lab.trials if stage == "screen" and number]
    assert screened == list(range(1, 1 + len(screened)))
    assert len(screened) < 7
    assert (outcome.chosen, outcome.verdict) == (1, "gain")
