"""Words of an explanation."""

from __future__ import annotations

import pytest

from bench.analysis.explanation.words import format_share, format_time, format_workers


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (12.0, "12 s"), (1.24, "1.2 s"), (0.9996, "1 s"), (0.041, "41 ms"), (0.0412, "41.2 ms"),
        (0.00104, "1 ms"), (0.00083, "830 µs"), (4e-6, "4 µs"), (0.0, "0 µs"), (-0.002, "-2 ms"),
    ],
)  # fmt: skip
def test_times_have_few_digits(seconds, text) -> None:
    """Three at most, and two below ten."""
    assert format_time(seconds) == text


@pytest.mark.parametrize(("share", "text"), [(0.384, "38%"), (0.001, "under 1%"), (0.0, "0%"), (1.0, "100%")])
def test_shares_are_whole_percents(share, text) -> None:
    """A share that rounds to 0 isn't shown as 0."""
    assert format_share(share) == text


@pytest.mark.parametrize(("number", "text"), [(0, "no workers"), (1, "1 worker"), (12, "12 workers")])
def test_workers(number, text) -> None:
    """One worker has no plural."""
    assert format_workers(number) == text
