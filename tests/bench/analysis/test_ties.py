"""The tie set: configurations that can't be told from the best."""

from __future__ import annotations

import pytest

from bench.analysis.statistics import Estimate
from bench.analysis.ties import find_ties, is_tied

TIED, SLOWER = Estimate(0.95, 0.9, 1.0, 3), Estimate(0.95, 0.9, 0.97, 3)
UNKNOWN, BEST = Estimate(0.95, None, None, 2), Estimate(1.0, 1.0, 1.0, 3)


@pytest.mark.parametrize(
    ("ratio", "low", "high", "ties"),
    [
        (0.95, 0.9, 1.0, True),
        (0.95, 0.9, 0.99, False),
        (0.985, 0.98, 0.99, True),
        (0.985, 0.979, 0.991, False),
        (1.01, 1.005, 1.02, True),
        (0.95, None, None, None),
        (0.49, None, None, False),
    ],
)
def test_a_tie_is_an_interval_that_reaches_1_or_lies_within_2_percent(ratio, low, high, ties) -> None:
    """Far below the best no interval is asked for."""
    assert is_tied(Estimate(ratio, low, high, 3)) is ties


def test_without_a_common_block_a_tie_is_unknown() -> None:
    """There is no ratio at all."""
    assert is_tied(None) is None


@pytest.mark.parametrize(
    ("others", "of_best"),
    [
        ([TIED, SLOWER], True),
        ([TIED, UNKNOWN], True),
        ([SLOWER, UNKNOWN], None),
        ([SLOWER], False),
        ([], False),
    ],
)
def test_the_best_is_tied_where_another_is(others, of_best) -> None:
    """An unknown rival leaves the best unknown, unless a third one ties with it."""
    ratios = {5: BEST, **dict(enumerate(others))}
    found = find_ties(5, ratios)
    assert found == {5: of_best, **{number: is_tied(ratio) for number, ratio in enumerate(others)}}
