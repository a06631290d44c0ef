"""Tests of how long the epochs of a tuning's parts are."""

from __future__ import annotations

import math
from dataclasses import replace
from types import SimpleNamespace

import pytest

from bench.runner.epoch_cut import EpochCut
from bench.runner.first_look import FirstLook
from bench.runner.tuning.stage_lengths import StageLengths, compare_samples, count_samples
from bench.workloads.fashion_mnist import FashionMnist
from bench.workloads.own.own_loader import OwnLoader
from bench.workloads.script.script import Script

SIZES = ({"batch_size": 64}, {"batch_size": 32}, {"batch_size": 512}, {})
QUICK = FirstLook(process_s=0.5, ends_s=0.1, batch_s=0.01, step_s=0.0)
SLOW = FirstLook(process_s=0.5, ends_s=0.1, batch_s=1.0, step_s=0.0)


def test_steady_part_lasts_long_enough() -> None:
    lengths = StageLengths(whole=10_000, waiting=4, epochs=2)
    assert lengths.choose("screen", [QUICK], 300) == 25
    assert lengths.choose("race", [QUICK], 300) == 50


def test_queue_that_was_filled_at_the_start_is_gone_in_the_second_half() -> None:
    lengths = StageLengths(whole=10_000, waiting=60, epochs=2)
    assert lengths.choose("race", [QUICK], 300) == 120


def test_slow_batches_make_no_endless_trials() -> None:
    lengths = StageLengths(whole=10_000, waiting=60, epochs=2)
    assert lengths.choose("race", [SLOW], 300) == 16


def test_fastest_decides() -> None:
    lengths = StageLengths(whole=10_000, waiting=4, epochs=2)
    assert lengths.choose("race", [SLOW, QUICK], 300) == 50


@pytest.mark.parametrize("stage", ["screen", "race", "confirm"])
def test_no_epoch_is_longer_than_that_of_the_training(stage) -> None:
    assert StageLengths(whole=7, waiting=60, epochs=2).choose(stage, [QUICK], math.inf) == 7


def test_fresh_blocks_have_whole_epochs_where_the_budget_allows() -> None:
    lengths = StageLengths(whole=1_000, waiting=4, epochs=2)
    assert lengths.choose("confirm", [QUICK, QUICK], math.inf, 50) == 1_000
    shorter = lengths.choose("confirm", [QUICK, QUICK], 100, 50)
    assert 50 < shorter < 1_000
    trial_s = 1.15 * (0.5 + 2 * (0.1 + 0.01 * shorter)) + 0.5
    assert 8 * 2 * trial_s == pytest.approx(100, rel=0.05)


def test_fresh_blocks_leave_time_for_the_steps_alone() -> None:
    """The step is all of a batch's time here, so it doubles a block."""
    bound = replace(QUICK, step_s=0.01)
    shorter = StageLengths(whole=10_000, waiting=4, epochs=2).choose("confirm", [bound, bound], 200, 50)
    trial_s, alone_s = 0.5 + 2 * (0.1 + 0.01 * shorter), 0.5 + 2 * 0.01 * shorter
    assert 8 * 2 * (1.15 * trial_s + alone_s) == pytest.approx(200, rel=0.05)


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
    assert StageLengths(whole=1_000, waiting=4, epochs=2).choose("confirm", [QUICK], 1, 50) == 50


def test_epochs_of_unknown_length_are_longer_than_those_of_the_race() -> None:
    assert StageLengths(whole=None, waiting=4, epochs=2).choose("confirm", [QUICK], math.inf, 50) == 200
