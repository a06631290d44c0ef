"""Scales of throughputs."""

from __future__ import annotations

import pytest
from matplotlib.figure import Figure

from bench.report.charts.scale import choose_format, format_amount, scale_axis


@pytest.mark.parametrize(
    ("most", "value", "text"),
    [
        (100, 50, "50"), (0.2, 0.05, "0.05"), (9000, 2500, "2,500"), (20e3, 2500, "2.5k"), (3e7, 5e6, "5M"),
        (3e7, 0, "0"),
    ],
)  # fmt: skip
def test_a_unit_suits_all_ticks(most, value, text) -> None:
    """Small rates are no `0.05k`."""
    assert choose_format(most)(value) == text


@pytest.mark.parametrize(("value", "text"), [(0.5, "0.5"), (200, "200"), (5e3, "5k"), (1.5e6, "1.5M")])
def test_a_wide_scale_has_a_unit_a_tick(value, text) -> None:
    """Each tick has its own."""
    assert format_amount(value) == text


@pytest.mark.parametrize("rates", [[0.02, 0.05], [40, 100], [5e3, 4e6], [1e5, 1.2e5], [70.0]])
@pytest.mark.parametrize("direction", ["x", "y"])
def test_ticks_differ(rates, direction) -> None:
    """No two ticks of an axis have one text, and there are at least two."""
    axes = Figure().add_subplot()
    axis = axes.xaxis if direction == "x" else axes.yaxis
    scale_axis(axis, rates)
    low, high = axis.get_view_interval()
    texts = [
        axis.get_major_formatter()(tick, 0) for tick in axis.get_major_locator()() if low <= tick <= high
    ]
    assert len(set(texts)) == len(texts) >= 2
    assert low <= min(rates)
    assert high >= max(rates)
