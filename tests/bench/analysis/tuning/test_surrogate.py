"""Tests of the guess of a configuration's speed."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest

from bench.analysis.tuning.surrogate import Surrogate

SETTINGS = [
    {"workers": workers, "threads": threads, "prefetch": prefetch, "fixed": "x"}
    for workers, threads, prefetch in itertools.product("01234", "12", "248")
]


def find_log(one: dict[str, str]) -> float:
    return math.log(1 + int(one["workers"])) - 0.3 * (one["threads"] == "2") * (one["workers"] == "4")


def test_settings_tell_which_unseen_ones_are_fast() -> None:
    logs = {number: find_log(one) for number, one in enumerate(SETTINGS) if one["prefetch"] != "8"}
    guessed = Surrogate(SETTINGS).predict(logs)
    unseen = [number for number in range(len(SETTINGS)) if number not in logs]
    truth = [find_log(SETTINGS[number]) for number in unseen]
    assert np.corrcoef(guessed[unseen], truth)[0, 1] > 0.95


def test_one_disturbed_trial_does_not_hide_a_fast_one() -> None:
    logs = {number: find_log(one) for number, one in enumerate(SETTINGS)}
    best = max(logs, key=logs.__getitem__)
    logs[best] -= math.log(2)
    guessed = Surrogate(SETTINGS).predict_from_others(logs)
    assert guessed[best] > sorted(guessed.values())[-6]


def test_own_trials_do_not_count_among_the_others() -> None:
    logs = {number: find_log(one) for number, one in enumerate(SETTINGS)}
    before = Surrogate(SETTINGS).predict_from_others(logs)[3]
    logs[3] += 1.0
    assert Surrogate(SETTINGS).predict_from_others(logs)[3] == pytest.approx(before)


def test_equal_ones_are_guessed_equal() -> None:
    guessed = Surrogate(SETTINGS).predict({0: 1.0, 5: 1.0})
    assert np.allclose(guessed, 1.0)


def test_each_value_of_a_setting_is_seen_first() -> None:
    """The order stays otherwise, and none is lost."""
    settings = [*SETTINGS, {"family": "resident"}]
    first, others = Surrogate(settings).cover(range(len(settings)))
    assert sorted(first + others) == list(range(len(settings)))
    assert len(SETTINGS) in first
    values = {(name, value) for number in first for name, value in settings[number].items()}
    assert values >= {(name, value) for one in settings for name, value in one.items()}
    assert len(first) <= 5 + 1 + 2 + 1
    assert others == sorted(others)
