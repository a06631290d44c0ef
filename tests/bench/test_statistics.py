"""Medians, intervals and ratios."""

from __future__ import annotations

import math
import random

import pytest

from bench.statistics import estimate, ratios


def test_the_median_is_the_median() -> None:
    """Of three values the middle one, of four the mean of the middle two."""
    assert estimate([3.0, 1.0, 2.0]).median == 2.0
    assert estimate([1.0, 2.0, 3.0, 10.0]).median == 2.5


def test_interval_by_hand() -> None:
    """exp(mean ± 4.303 s / √3) of the logarithms, 4.303 being t for 95% and two degrees of freedom."""
    found = estimate([math.exp(1.0), math.exp(2.0), math.exp(3.0)])
    reach = 4.302653 / math.sqrt(3)
    assert found.low == pytest.approx(math.exp(2 - reach), rel=1e-6)
    assert found.high == pytest.approx(math.exp(2 + reach), rel=1e-6)


@pytest.mark.parametrize("values", [[5.0], [5.0, 6.0]])
def test_too_few_blocks_give_no_interval(values) -> None:
    """One or two blocks have a median; unknown stays unknown."""
    found = estimate(values)
    assert (found.low, found.high) == (None, None)
    assert found.blocks == len(values)


def test_nothing_gives_nothing() -> None:
    """No value, no estimate."""
    assert estimate([]) is None


def test_the_interval_holds_its_median() -> None:
    """Also of a set so skewed that the mean's interval misses it."""
    found = estimate([1.0] * 30 + [1e6])
    assert found.low <= found.median <= found.high


@pytest.mark.parametrize("blocks", [3, 5, 10])
def test_the_interval_covers_what_it_says(blocks) -> None:
    """Over 2,000 draws of a log-normal speed, 95% of the intervals hold the truth (±2 points)."""
    draw = random.Random(1)
    truth, hits = 1000.0, 0
    for _ in range(2000):
        found = estimate([truth * math.exp(draw.gauss(0, 0.05)) for _ in range(blocks)])
        hits += found.low <= truth <= found.high
    assert 0.93 <= hits / 2000 <= 0.97


def test_ratios_pair_blocks() -> None:
    """Each block is divided by its own baseline; a block that one of them lacks is left out."""
    assert ratios({0: 10.0, 1: 30.0, 2: 5.0}, {0: 5.0, 1: 10.0, 3: 1.0}) == [2.0, 3.0]


def test_a_slow_block_cancels_out() -> None:
    """A machine that is half as fast in one block changes no ratio."""
    own, baseline = {0: 10.0, 1: 5.0, 2: 10.0}, {0: 4.0, 1: 2.0, 2: 4.0}
    assert set(ratios(own, baseline)) == {2.5}
