"""Charts that a notebook shows."""

from __future__ import annotations

import pytest
from matplotlib.figure import Figure

from bench.report.charts.chart import Chart
from bench.report.notebook.shown_charts import show_charts

CHART = Chart("ranking", "Throughput", "num_workers=2 is the fastest", "", Figure(figsize=(1, 1)))


def test_a_notebook_shows_each_as_a_picture(monkeypatch) -> None:
    """With words for who can't see it."""
    pytest.importorskip("IPython")
    shown = []
    monkeypatch.setattr("bench.report.notebook.shown_charts.is_notebook", lambda: True)
    monkeypatch.setattr("IPython.display.display", shown.append)
    charts = show_charts([CHART])
    (picture,) = shown
    assert picture.data.startswith(b"\x89PNG")
    assert picture.alt == CHART.alternative
    assert tuple(charts) == (CHART,)
    assert repr(charts) == "1 chart: ranking"


def test_elsewhere_nothing_is_shown(monkeypatch) -> None:
    """The charts are returned alone."""
    monkeypatch.setattr("bench.report.notebook.shown_charts.to_png", lambda chart: 1 / 0)
    assert show_charts([CHART])[0] is CHART
