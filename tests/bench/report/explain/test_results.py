"""An explanation as a program gets it."""

from __future__ import annotations

from dataclasses import replace

from bench.report.explain.results import ExplainResults
from tests.bench.report.explain.explanations import SETUP, fetch_bound

HTML = "<b>train.py</b>"


def make_results(folder, **changes) -> ExplainResults:
    return ExplainResults(replace(fetch_bound(), **changes), folder, (f"{HTML} changed.",))


def test_the_best_change(tmp_path) -> None:
    """It is the first advice; without any there is none."""
    results = make_results(tmp_path)
    assert results.best() is results.explanation.advice[0]
    assert make_results(tmp_path, advice=()).best() is None


def test_html_has_the_answer_and_the_changes(tmp_path) -> None:
    """Whatever a user's names hold is text."""
    results = make_results(tmp_path, setup=replace(SETUP, name=HTML))
    html = results._repr_html_()
    assert f"<strong>{results.answer}</strong>" in html
    assert results.best().change in html
    assert "predicted gain" in html
    assert "actual gain" not in html
    assert HTML not in html
    assert html.count("&lt;b&gt;train.py&lt;/b&gt;") == 2
    assert repr(results) == f"{results.answer}\nResults: {tmp_path}"


def test_html_without_changes_says_why(tmp_path) -> None:
    """And with verified ones what they gained."""
    html = make_results(tmp_path, advice=())._repr_html_()
    assert "No change is known that gains." in html
    first = fetch_bound().advice[0]
    verified = make_results(tmp_path, advice=(replace(first, actual=first.gain),))._repr_html_()
    assert "actual gain" in verified


def test_charts_are_returned(tmp_path) -> None:
    """The one of where a sample's time goes first."""
    charts = make_results(tmp_path).plot()
    assert charts[0].name == "where_a_sample_goes"
    assert charts[0].figure.axes
