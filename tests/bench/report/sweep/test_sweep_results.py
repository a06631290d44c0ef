"""The results of a sweep as a program gets them."""

from __future__ import annotations

import json

import pytest

from bench.analysis.summary import summarise
from bench.records.errors import ResultsError
from bench.report.sweep.conclusion_file import SavedConclusion, write_conclusion
from bench.report.sweep.sweep_results import SweepResults
from tests.bench import runs
from tests.bench.runs import blocks, failed

HTML = "<b>train.py</b>"


def make_results(folder, rows, code=(), notices=()) -> SweepResults:
    """Return the results of a folder with these rows."""
    table = runs.table(folder, rows)
    write_conclusion(folder, SavedConclusion(code=dict(code)))
    return SweepResults(folder, table, None, summarise(table), tuple(notices))


def with_batch_size(size: str, workers: str) -> dict[str, object]:
    return {"knobs": {"batch_size": size, "resize": "none", "num_workers": workers}}


@pytest.fixture
def results(tmp_path) -> SweepResults:
    """Two configurations of which the second is twice as fast, and one that failed."""
    rows = [*blocks(0, [2.0] * 3), *blocks(1, [1.0] * 3), failed(2, 0, error=f"ValueError: {HTML}")]
    return make_results(tmp_path, rows, {1: ("import torch", "", f'load("{HTML}")')}, [f"{HTML} changed."])


def test_the_answer_is_a_sentence(results) -> None:
    """The same one as in the terminal; its figures are those of `answers`."""
    assert results.answer.startswith(
        "Use num_workers=1, the fastest: 2 times the baseline num_workers=0 (95%"
    )
    assert repr(results) == f"{results.answer}\nResults: {results.folder}"
    assert results.answers[0].configuration == 1


def test_the_best_configuration_is_an_object(results) -> None:
    """Its knobs are values of Python, and its text ends with the code to paste."""
    best = results.best()
    assert (best.name, best.family, best.is_baseline) == ("num_workers=1", "torch_dataloader", False)
    assert best.knobs == {"batch_size": 256, "resize": None, "num_workers": 1}
    assert (best.samples_per_s.median, best.ratio.median) == (1000, 2)
    assert str(best) == (
        f'num_workers=1: 1,000 samples/s, 2 times the baseline\n\nimport torch\n\nload("{HTML}")'
    )


def test_a_baseline_may_be_the_best(tmp_path) -> None:
    """There is no ratio to tell, and a folder of an older version holds no code."""
    (tmp_path / "conclusion.json").unlink(missing_ok=True)
    table = runs.table(tmp_path, [*blocks(0, [1.0] * 3), *blocks(1, [2.0] * 3)])
    best = SweepResults(tmp_path, table, None, summarise(table)).best()
    assert str(best) == "num_workers=0: 1,000 samples/s, the baseline"
    assert best.code == ""


def test_each_kind_of_work_has_its_best(tmp_path) -> None:
    """By its name; a wrong one is told with the nearest."""
    rows = [
        *blocks(0, [2.0] * 3, **with_batch_size("256", "0")),
        *blocks(1, [1.0] * 3, **with_batch_size("256", "2")),
        *blocks(2, [2.0] * 3, **with_batch_size("64", "0")),
        *blocks(3, [1.5] * 3, **with_batch_size("64", "2")),
    ]
    results = make_results(tmp_path, rows)
    assert results.best().knobs["batch_size"] == 256
    assert results.best("batch_size=64").knobs == {"batch_size": 64, "resize": None, "num_workers": 2}
    with pytest.raises(
        ValueError, match=r"^work: 'batch_size=65' was not measured; known: batch_size=256 and "
    ):
        results.best("batch_size=65")


def test_nothing_ranked_has_no_answer(tmp_path) -> None:
    """The first error says why."""
    results = make_results(tmp_path, [failed(0, 0, error="boom")])
    assert results.answer is None
    assert repr(results) == f"1 configuration, none of them ranked\nResults: {tmp_path}"
    with pytest.raises(ResultsError, match=r"nothing could be ranked: boom$"):
        results.best()
    assert "boom" in results._repr_html_()


def test_html_has_the_answer_the_table_and_the_cautions(results) -> None:
    """Whatever a user's names, errors and code hold is text. There is no report to lead to yet."""
    html = results._repr_html_()
    assert "<strong>num_workers=1</strong>" in html
    assert HTML not in html
    assert html.count("&lt;b&gt;train.py&lt;/b&gt;") >= 3
    assert ">1,000<br><small>" in html
    assert "report.html" not in html
    (results.folder / "report.html").write_text("")
    assert f'<a href="{results.folder.as_posix()}/report.html" target="_blank">' in results._repr_html_()


def test_html_of_many_configurations_stays_short(tmp_path) -> None:
    """Twenty rows; the others are counted."""
    rows = [line for number in range(30) for line in blocks(number, [1.0 + number] * 3)]
    html = make_results(tmp_path, rows)._repr_html_()
    assert html.count("<tr>") == 21
    assert "10 more configurations" in html


def test_an_aa_check_has_its_own_answer(tmp_path) -> None:
    """Its configurations are equal, so none is to be used, and there is nothing to draw."""
    rows = [*blocks(0, [1.0, 1.01, 1.02]), *blocks(1, [1.01, 1.0, 1.02], knobs=blocks(0, [1.0])[0].knobs)]
    results = make_results(tmp_path, rows)
    (tmp_path / "environment.json").write_text(json.dumps({"sweep": {"aa_pairs": 1}}))
    assert results.answer.startswith("A/A holds: 0 of 1 pair told apart")
    assert "A/A holds:" in results._repr_html_()
    assert "Use" not in results._repr_html_()
    assert repr(results.plot()) == "no charts: there are no figures to draw"


def test_charts_are_returned(results) -> None:
    """Outside of a notebook nothing is shown."""
    charts = results.plot()
    assert charts[0].name == "ranking"
    assert charts[0].figure.axes
    assert repr(charts).startswith(f"{len(charts)} charts: ranking, ")
