"""Tests of the shuffle quality: 1 for a true shuffle, far less for anything else."""

from __future__ import annotations

import math

import numpy as np
import pytest

from bench.trial.shuffle_quality import measure_shuffle_quality

SAMPLES, SIZE = 6000, 50
SIZES = [SIZE] * (SAMPLES // SIZE)


def test_a_true_shuffle_has_one() -> None:
    numbers = np.random.default_rng(0).permutation(SAMPLES)
    assert measure_shuffle_quality(SIZES, numbers, SAMPLES) == pytest.approx(1, abs=0.03)


def test_the_stored_order_has_the_length_of_its_batches() -> None:
    """50 numbers in a row have a variance of 50 · 51 / 12, all of them one of 6000 · 6001 / 12."""
    expected = math.sqrt((SIZE * (SIZE + 1)) / (SAMPLES * (SAMPLES + 1)))
    assert measure_shuffle_quality(SIZES, np.arange(SAMPLES), SAMPLES) == pytest.approx(expected)


def test_a_window_lies_between() -> None:
    """A shuffle of each tenth of the dataset has a tenth of the spread."""
    random = np.random.default_rng(0)
    numbers = np.concatenate([random.permutation(part) for part in np.arange(SAMPLES).reshape(10, -1)])
    assert measure_shuffle_quality(SIZES, numbers, SAMPLES) == pytest.approx(0.1, abs=0.01)


def test_a_few_look_alikes_change_nothing() -> None:
    numbers = np.random.default_rng(0).permutation(SAMPLES)
    numbers[::50] = -1
    assert measure_shuffle_quality(SIZES, numbers, SAMPLES) == pytest.approx(1, abs=0.03)


@pytest.mark.parametrize(
    ("sizes", "numbers"),
    [
        ([1] * 10, np.arange(10)),  # one number varies in nothing
        ([5, 5], np.array([-1, 1, 2, 3, 4, 5, 6, 7, 8, 9])),  # a tenth of the samples have a look-alike
        ([], np.empty(0, np.int64)),
        ([0, 0], np.empty(0, np.int64)),
    ],
)
def test_it_may_be_unknown(sizes, numbers) -> None:
    assert measure_shuffle_quality(sizes, numbers, 10) is None


def test_an_empty_batch_changes_nothing() -> None:
    numbers = np.random.default_rng(0).permutation(SAMPLES)
    with_empty = [SIZES[0], 0, *SIZES[1:]]
    assert measure_shuffle_quality(with_empty, numbers, SAMPLES) == measure_shuffle_quality(
        SIZES, numbers, SAMPLES
    )
