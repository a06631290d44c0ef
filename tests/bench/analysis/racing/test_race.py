"""Tests of e-values and of the race that pools them."""

from __future__ import annotations

import math

import numpy as np
import pytest

from bench.analysis.racing.e_values import compute_log_e
from bench.analysis.racing.race import Race


def test_e_values_have_a_mean_of_at_most_one() -> None:
    """At the edge of the hypothesis, where the difference is 0."""
    noise = np.random.default_rng(1).standard_normal((200_000, 6))
    values = np.exp(compute_log_e(noise))
    assert values.mean() == pytest.approx(1.0, abs=0.15)


def test_looking_after_each_block_keeps_the_level() -> None:
    noise = np.random.default_rng(2).standard_normal((4_000, 40))
    ever = np.zeros(4_000, dtype=bool)
    for blocks in range(2, 41):
        ever |= compute_log_e(noise[:, :blocks]) >= math.log(20)
    assert ever.mean() <= 0.05


def test_outliers_do_not_hide_a_difference() -> None:
    random = np.random.default_rng(3)
    steady = -0.05 + 0.02 * random.standard_normal(40)
    steady[::10] = 0.7
    assert compute_log_e(steady) > math.log(20)


def test_faster_one_is_no_evidence_of_being_slower() -> None:
    assert compute_log_e(np.full(30, 0.1)) < 0
    assert compute_log_e(np.full(1, -0.1)) == -math.inf


def run_race(speeds: list[float], blocks: int, noise: float = 0.01) -> Race:
    random = np.random.default_rng(4)
    race = Race(range(len(speeds)))
    for _ in range(blocks):
        level = math.exp(0.1 * random.standard_normal())
        race.add_block({n: level * speeds[n] * math.exp(noise * random.standard_normal()) for n in race.left})
    return race


def test_slower_ones_leave_and_the_fastest_stays() -> None:
    race = run_race([1.0, 0.8, 0.9, 1.3, 0.5], 6)
    assert race.left == (3,)


def test_equal_ones_stay_and_their_regret_is_bounded() -> None:
    race = run_race([1.0] * 5, 30)
    assert race.left == (0, 1, 2, 3, 4)
    assert race.bound_regret(race.rank()[0]) < 0.02


def test_bound_holds_for_a_close_second() -> None:
    race = run_race([1.0, 0.99], 30, noise=0.02)
    assert race.bound_regret(1) >= 0.01


def test_nothing_is_known_of_two_blocks() -> None:
    race = run_race([1.0, 0.5], 2)
    assert race.left == (0, 1)
    assert race.bound_regret(0) == math.inf


def test_missing_one_leaves() -> None:
    race = Race(range(3))
    race.add_block({0: 1.0, 2: 1.0})
    assert race.left == (0, 2)


def test_spread_of_a_trial_is_that_of_its_own() -> None:
    race = run_race([1.0, 1.0, 1.0], 40, noise=0.05)
    assert race.estimate_noise() == pytest.approx(0.05, rel=0.3)
    assert Race(range(2)).estimate_noise() is None
