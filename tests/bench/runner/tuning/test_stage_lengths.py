"""Tests of how long the epochs of a tuning's parts are."""

from __future__ import annotations

import math
from dataclasses import replace
from types import SimpleNamespace

import pytest

from bench.runner.epoch_cut import EpochCut
from bench.runner.first_look import FirstLook
from bench.runner.tuning.paces import Pace
from bench.runner.tuning.stage_lengths import StageLengths, compare_samples, count_samples
from bench.workloads.fashion_mnist import FashionMnist
from bench.workloads.own.own_loader import OwnLoader
from bench.workloads.script.script import Script

SIZES = ({"batch_size": 64}, {"batch_size": 32}, {"batch_size": 512}, {})
QUICK = Pace(FirstLook(process_s=0.5, ends_s=0.1, batch_s=0.01, step_s=0.0), waiting=4)
QUEUED = QUICK._replace(waiting=60)
SLOW = Pace(FirstLook(process_s=0.5, ends_s=0.1, batch_s=1.0, step_s=0.0), waiting=60)
FAR = SLOW._replace(waiting=0, is_far=True)


def test_steady_part_lasts_long_enough() -> None:
    lengths = StageLengths(whole=10_000, epochs=2)
    assert lengths.choose("screen", [QUICK], 300).batches == 25
    assert lengths.choose("race", [QUICK], 300).batches == 50


def test_queue_that_was_filled_at_the_start_is_gone_in_the_second_half() -> None:
    lengths = StageLengths(whole=10_000, epochs=2)
    assert lengths.choose("race", [QUEUED], 300).batches == 120


def test_slow_batches_make_no_endless_trials() -> None:
    lengths = StageLengths(whole=10_000, epochs=2)
    assert lengths.choose("race", [SLOW], 300).batches == 16


def test_fastest_decides() -> None:
    lengths = StageLengths(whole=10_000, epochs=2)
    assert lengths.choose("race", [SLOW._replace(waiting=4), QUICK], 300).batches == 50


@pytest.mark.parametrize("stage", ["screen", "race", "confirm"])
def test_no_epoch_is_longer_than_that_of_the_training(stage) -> None:
    assert StageLengths(whole=7, epochs=2).choose(stage, [QUEUED], math.inf).batches == 7


def test_fresh_blocks_have_whole_epochs_where_the_budget_allows() -> None:
    lengths = StageLengths(whole=1_000, epochs=2)
    assert lengths.choose("confirm", [QUICK, QUICK], math.inf, 50).batches == 1_000
    shorter = lengths.choose("confirm", [QUICK, QUICK], 100, 50).batches
    assert 50 < shorter < 1_000
    trial_s = 1.15 * (0.5 + 2 * (0.1 + 0.01 * shorter)) + 0.5
    assert 8 * 2 * trial_s == pytest.approx(100, rel=0.05)


def test_fresh_blocks_leave_time_for_the_steps_alone() -> None:
    """The step is all of a batch's time here, so it doubles a block."""
    bound = QUICK._replace(look=replace(QUICK.look, step_s=0.01))
    shorter = StageLengths(whole=10_000, epochs=2).choose("confirm", [bound, bound], 200, 50).batches
    trial_s, alone_s = 0.5 + 2 * (0.1 + 0.01 * shorter), 0.5 + 2 * 0.01 * shorter
    assert 8 * 2 * (1.15 * trial_s + alone_s) == pytest.approx(200, rel=0.05)


def test_far_slower_ones_take_no_longer_than_others_where_the_time_is_short() -> None:
    """Fewer fresh blocks would give no answer."""
    slow = FAR._replace(look=replace(FAR.look, batch_s=0.05))
    lengths = StageLengths(whole=10_000, epochs=2)
    assert lengths.choose("confirm", [slow, QUICK], 130, 100).find_own(slow) >= 80
    short = lengths.choose("confirm", [slow, QUICK], 60, 100)
    assert (short.batches, short.find_own(slow)) == (100, 20)


def test_trials_of_larger_batches_have_more_samples() -> None:
    """Those of pictures have as many, whatever the size of a batch."""
    sizes = [SimpleNamespace(spec=SimpleNamespace(knobs=lambda size=size: size)) for size in SIZES]
    own = OwnLoader.__new__(OwnLoader)
    assert compare_samples(own, sizes) == [1.0, 0.5, 8.0, 1.0]
    assert compare_samples(FashionMnist.__new__(FashionMnist), sizes) == [1.0] * 4


def test_epochs_that_the_user_has_cut_are_the_trainings() -> None:
    script = Script.__new__(Script)
    facts = SimpleNamespace(samples=1000, batch_samples=8)
    object.__setattr__(script, "picked", SimpleNamespace(facts=facts))
    assert count_samples(script, EpochCut(20, 125, asked=True)) == 160
    assert count_samples(script, EpochCut(20, 125)) == 1000
    facts.samples = None
    assert count_samples(script, EpochCut(20, None, asked=True)) == 160


def test_fresh_blocks_are_never_shorter_than_the_race() -> None:
    assert StageLengths(whole=1_000, epochs=2).choose("confirm", [QUICK], 1, 50).batches == 50


def test_epochs_of_unknown_length_are_longer_than_those_of_the_race() -> None:
    assert StageLengths(whole=None, epochs=2).choose("confirm", [QUICK], math.inf, 50).batches == 200


def test_far_slower_ones_have_shorter_epochs() -> None:
    """They take as long as one at a quarter of the fastest one's speed, and have 8 batches at least."""
    length = StageLengths(whole=10_000, epochs=2).choose("race", [FAR, QUICK], 300)
    assert length.batches == length.find_own(QUICK) == 50
    assert length.find_own(FAR) == 8
    assert length.find_own(FAR._replace(look=replace(FAR.look, batch_s=0.1))) == 20


def test_far_slower_ones_fill_their_queue() -> None:
    length = StageLengths(whole=10_000, epochs=2).choose("race", [FAR, QUEUED], 300)
    assert length.find_own(FAR._replace(waiting=20)) == 40


def test_far_slower_ones_do_not_decide_how_long_epochs_are() -> None:
    """One whose queue holds more would have all the others run longer."""
    lengths = StageLengths(whole=10_000, epochs=2)
    assert lengths.choose("race", [FAR._replace(waiting=60), QUICK], 300).batches == 50


def test_fresh_blocks_have_whole_epochs_of_far_slower_ones_too_where_the_budget_allows() -> None:
    length = StageLengths(whole=1_000, epochs=2).choose("confirm", [FAR, QUICK], math.inf, 50)
    assert length.find_own(FAR) == 1_000


def test_fresh_blocks_with_a_far_slower_one_end_in_time() -> None:
    """Those of the others are as long as the rest of the time allows."""
    length = StageLengths(whole=10_000, epochs=2).choose("confirm", [FAR, QUICK], 300, 50)
    own = length.find_own(FAR)
    assert own == int(0.04 * length.batches)
    assert 50 < length.batches < 10_000
    trials_s = 0.5 + 2 * (0.1 + 0.01 * length.batches) + 0.5 + 2 * (0.1 + 1.0 * own)
    assert 8 * (1.15 * trials_s + 1.0) == pytest.approx(300, rel=0.05)
