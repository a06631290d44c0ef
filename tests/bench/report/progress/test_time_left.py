"""The forecast of the trials ahead."""

from __future__ import annotations

from bench.report.progress.time_left import TimeLeft


def test_the_forecast_starts_with_the_estimates() -> None:
    """Nothing has run yet."""
    assert TimeLeft({0: 2.0, 1: 3.0}, blocks=2).estimate_s() == 10


def test_the_forecast_learns_from_trials() -> None:
    """Known runs take as long again. Unknown ones are as far off their estimate as the known ones were."""
    left = TimeLeft({0: 2.0, 1: 3.0}, blocks=2)
    left.finish(0, 4.0)
    assert left.estimate_s() == 4.0 + 2 * 3.0 * 2


def test_the_forecast_ends_at_zero() -> None:
    """When all trials have run, nothing is left."""
    left = TimeLeft({0: 2.0}, blocks=1)
    left.finish(0, 4.0)
    assert left.estimate_s() == 0
