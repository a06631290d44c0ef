"""Means over blocks."""

from __future__ import annotations

import pytest

from bench.analysis.explanation.means import estimate_mean


def test_the_interval_is_students() -> None:
    """By scipy.stats.ttest_1samp([1, 2, 4]).confidence_interval()."""
    found = estimate_mean([1.0, 2.0, 4.0])
    assert found.median == pytest.approx(7 / 3)
    assert (found.low, found.high) == (pytest.approx(-1.4612, abs=1e-4), pytest.approx(6.1279, abs=1e-4))


def test_differences_may_be_negative() -> None:
    """They have no logarithm."""
    found = estimate_mean([-2e-6, 1e-6, -2e-6])
    assert found.low < found.median < 0 < found.high


def test_two_blocks_have_no_interval() -> None:
    """Student's t of two would reach 13 standard errors to each side."""
    found = estimate_mean([1.0, 3.0])
    assert (found.median, found.low, found.high, found.blocks) == (2.0, None, None, 2)
