"""The difference of two sides, and its tests."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from bench.analysis.comparison.shift import RankShift, StudentShift, compare_independent, compare_paired

RNG = np.random.default_rng(0)
A, B = np.exp(RNG.normal(0, 0.05, 9)), np.exp(RNG.normal(-0.06, 0.05, 7))
LIMIT = math.log(0.97)


def test_many_blocks_are_compared_by_the_mann_whitney_test() -> None:
    """The p-values are those of scipy's exact test, at any limit."""
    shift = compare_independent(A, B, 0.05)
    assert isinstance(shift, RankShift)
    for limit in (LIMIT, 0.0, -LIMIT):
        less = stats.mannwhitneyu(np.log(B) - limit, np.log(A), alternative="less", method="exact").pvalue
        more = stats.mannwhitneyu(np.log(B) - limit, np.log(A), alternative="greater", method="exact").pvalue
        assert shift.test_below(limit) == pytest.approx(less)
        assert shift.test_above(limit) == pytest.approx(more)


def test_many_paired_blocks_are_compared_by_the_signed_rank_test() -> None:
    """The p-values are those of scipy's exact test, at any limit."""
    ratios = B / A[:7]
    shift = compare_paired(ratios, 0.05)
    assert isinstance(shift, RankShift)
    for limit in (LIMIT, 0.0, -LIMIT):
        less = stats.wilcoxon(np.log(ratios) - limit, alternative="less", method="exact").pvalue
        assert shift.test_below(limit) == pytest.approx(less)


def test_few_blocks_are_compared_by_welchs_t() -> None:
    """The p-values and the interval are scipy's."""
    shift = compare_independent(A[:5], B[:4], 0.05)
    assert isinstance(shift, StudentShift)
    found = stats.ttest_ind(np.log(B[:4]), np.log(A[:5]), equal_var=False, alternative="less")
    assert shift.test_below(0.0) == pytest.approx(found.pvalue)
    interval = stats.ttest_ind(np.log(B[:4]), np.log(A[:5]), equal_var=False).confidence_interval(0.9)
    assert shift.find_bounds(0.05) == pytest.approx((interval.low, interval.high))


def test_few_paired_blocks_are_compared_by_students_t() -> None:
    """The p-value is scipy's."""
    ratios = B[:5] / A[:5]
    shift = compare_paired(ratios, 0.05)
    assert shift is not None
    found = stats.ttest_1samp(np.log(ratios), 0.0, alternative="greater")
    assert shift.test_above(0.0) == pytest.approx(found.pvalue)


def test_ranks_that_cannot_reach_an_error_are_not_used() -> None:
    """Six paired blocks have no p-value below 1/64, which twenty comparisons need."""
    ratios = B[:6] / A[:6]
    assert isinstance(compare_paired(ratios, 0.05), RankShift)
    assert isinstance(compare_paired(ratios, 0.05 / 20), StudentShift)


@pytest.mark.parametrize("blocks", [4, 12])
@pytest.mark.parametrize("paired", [True, False])
def test_a_bound_is_where_the_test_turns(blocks: int, paired: bool) -> None:
    """The upper bound lies below a limit exactly where the test refutes it."""
    a, b = (np.exp(RNG.normal(0, 0.04, blocks)) for _ in range(2))
    shift = compare_paired(b / a, 0.05) if paired else compare_independent(a, b, 0.05)
    assert shift is not None
    low, high = shift.find_bounds(0.05)
    assert low <= shift.centre <= high
    assert shift.test_below(high + 1e-9) <= 0.05 < shift.test_below(high - 1e-9)
    assert shift.test_above(low - 1e-9) <= 0.05 < shift.test_above(low + 1e-9)


def test_two_blocks_have_no_interval() -> None:
    """On either side."""
    assert compare_independent([1, 2], [1, 2, 3], 0.05) is None
    assert compare_paired([1, 2], 0.05) is None


def test_equal_blocks_differ_by_nothing() -> None:
    """A run beside itself, with few blocks and with many."""
    for blocks in (3, 10):
        shift = compare_paired([1.0] * blocks, 0.05)
        assert shift is not None
        assert shift.find_bounds(0.05) == (0.0, 0.0)
        assert shift.test_above(LIMIT) <= 0.05
        assert shift.test_below(-LIMIT) <= 0.05
        assert shift.test_below(LIMIT) > 0.05


def test_many_blocks_stay_exact() -> None:
    """The probabilities of a hundred blocks a side still add up to 1, and are symmetric."""
    shift = compare_independent([1.0] * 100, [2.0] * 100, 0.05)
    assert isinstance(shift, RankShift)
    assert shift.chances[-1] == pytest.approx(1)
    assert shift.chances[4999] + shift.chances[5000] == pytest.approx(1)
