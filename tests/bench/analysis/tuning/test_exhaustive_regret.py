"""Tests of the regret by the whole grid."""

from __future__ import annotations

import random

import pytest

from bench.analysis.tuning.exhaustive_regret import judge_by_grid


def test_regret_is_that_of_the_fastest() -> None:
    speeds = {
        0: dict.fromkeys(range(4), 1.0),
        1: dict.fromkeys(range(4), 2.0),
        2: dict.fromkeys(range(4), 1.6),
    }
    found = judge_by_grid(speeds, 2)
    assert found is not None
    assert found.best == 1
    assert found.regret == pytest.approx(0.25)
    assert found.present_gain == pytest.approx(2.0)


def test_choice_of_the_fastest_has_no_regret() -> None:
    speeds = {0: dict.fromkeys(range(4), 1.0), 1: dict.fromkeys(range(4), 2.0)}
    found = judge_by_grid(speeds, 1)
    assert found is not None
    assert found.regret == pytest.approx(0.0)


def test_noise_of_equal_ones_is_no_regret() -> None:
    """The maximum over 200 equal ones is inflated; its own other half isn't."""
    noise = random.Random(0)
    speeds = {n: {block: 2.0 ** noise.gauss(0, 0.1) for block in range(6)} for n in range(200)}
    regrets = [found.regret for chosen in range(40) if (found := judge_by_grid(speeds, chosen)) is not None]
    assert abs(sum(regrets) / len(regrets)) < 0.03


def test_single_block_judges_nothing() -> None:
    assert judge_by_grid({0: {0: 1.0}, 1: {0: 2.0}}, 1) is None
