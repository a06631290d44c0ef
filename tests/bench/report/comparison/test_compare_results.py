"""A comparison as a program gets it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from bench.analysis.comparison.comparison import ComparedConfiguration, Comparison, ComparisonOptions
from bench.analysis.statistics import Estimate
from bench.report.comparison.compare_results import CompareResults

HTML = "<b>workers</b>"
CONFIGURATIONS = (
    ComparedConfiguration("num_workers=0", 0, 0, 100.0, 90.0, Estimate(0.9, 0.88, 0.92, 8), "slower"),
    ComparedConfiguration(HTML, 1, 1, 100.0, None, None, "undecided", f"{HTML} failed in B"),
)
RESULTS = CompareResults(
    Comparison("old", HTML, Path("a"), Path("b"), ComparisonOptions(paired=False), CONFIGURATIONS)
)


def test_the_text_is_the_answer_and_the_sides() -> None:
    """In a terminal as in a notebook."""
    assert repr(RESULTS).splitlines() == [RESULTS.answer, "A  old", f"B  {HTML}"]


def test_html_has_the_answer_the_table_and_the_remarks() -> None:
    """Whatever a user's names hold is text."""
    html = RESULTS._repr_html_()
    assert "<strong>1 of 2 configurations is slower and 1 is undecided." in html
    assert ">0.880–0.920<" in html
    assert HTML not in html
    assert html.count("&lt;b&gt;workers&lt;/b&gt;") >= 4


def test_html_of_many_configurations_stays_short() -> None:
    """Twenty rows; the others are counted."""
    many = replace(RESULTS.comparison, configurations=CONFIGURATIONS[:1] * 25)
    html = CompareResults(many)._repr_html_()
    assert html.count("<tr>") == 21
    assert "5 more configurations" in html


def test_html_without_configurations_says_why() -> None:
    """There is no table then, and no chart."""
    other = CompareResults(replace(RESULTS.comparison, configurations=(), obstacles=("another dataset",)))
    assert "can&#39;t be compared: another dataset." in other._repr_html_()
    assert "<table>" not in other._repr_html_()
    assert repr(other.plot()) == "no charts: there are no figures to draw"


def test_the_chart_is_returned() -> None:
    """Outside of a notebook nothing is shown."""
    (chart,) = RESULTS.plot()
    assert chart.name == "comparison"
