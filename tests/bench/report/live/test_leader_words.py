"""Words of the leaders."""

from __future__ import annotations

import pytest

from bench.analysis.leaders import Leader, Leaders
from bench.analysis.statistics import Estimate
from bench.report.live.leader_words import describe_leader, title_leaders

FAST = Estimate(123456.0, None, None, 2)


@pytest.mark.parametrize(
    ("leader", "text"),
    [
        (Leader("a", FAST, Estimate(1.5, 1.4, 1.6, 3)), "a at 123,456 samples/s (1.5 × base, 1.4–1.6)"),
        (Leader("a", FAST, Estimate(1.5, None, None, 2)), "a at 123,456 samples/s (1.5 × base)"),
        (
            Leader("a", FAST, Estimate(1.0, None, None, 2), is_baseline=True),
            "a at 123,456 samples/s (baseline)",
        ),
        (Leader("a", FAST, None), "a at 123,456 samples/s"),
    ],
)
def test_a_leader_in_words(leader, text) -> None:
    """An interval from three blocks on, and no ratio where there is none."""
    assert describe_leader(leader) == text


@pytest.mark.parametrize(
    ("kinds", "configurations", "text"),
    [(1, 1, "so far"), (1, 2, "best so far"), (2, 2, "best so far of each kind of work")],
)
def test_titles(kinds, configurations, text) -> None:
    """One configuration alone is no best."""
    assert title_leaders(Leaders((), kinds, configurations)) == text
