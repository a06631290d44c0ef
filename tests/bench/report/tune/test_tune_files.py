"""The charts and the page of a tuning, and the folder drawn again."""

from __future__ import annotations

import json
import math
import re
import xml.etree.ElementTree as ET
from dataclasses import replace
from html import unescape
from pathlib import Path

import pytest

from bench.analysis.statistics import Estimate
from bench.analysis.tuning.outcome import Confirmation
from bench.plot import main
from bench.records.errors import ResultsError
from bench.report.charts.drawing import ChartsError
from bench.report.report_files import ReportFiles
from bench.report.tune.answer import answer_in_a_sentence
from bench.report.tune.candidate_table import make_candidate_table
from bench.report.tune.charts.fresh_gains import find_ceiling_ratio
from bench.report.tune.findings import list_cautions, list_findings
from bench.report.tune.results import TuneResults
from bench.report.tune.tune_charts import make_tuning_charts
from bench.report.tune.tune_page import write_tune_page
from bench.report.tune.tuning_file import write_tuning
from tests.bench.report.tune import tunings

CHARTS = ["fresh_gains", "race_ratios", "screen_ratios", "tuning_time"]
HTML = "<b>train.py</b>"


@pytest.fixture(scope="module")
def drawn(tmp_path_factory) -> Path:
    """Draw a tuning of 200 candidates, some of which failed."""
    folder = tmp_path_factory.mktemp("tuning")
    tuning = tunings.make_infeasible()
    write_tuning(folder, tuning)
    files = ReportFiles.write_tuning(tuning, folder)
    assert (files.undrawn, files.unwritten) == ([], [])
    return folder


def read_texts(path: Path) -> set[str]:
    """Return the texts of an SVG."""
    texts = ET.parse(path).iter("{http://www.w3.org/2000/svg}text")
    return {" ".join("".join(element.itertext()).split()) for element in texts}


def read_page(folder, tuning) -> str:
    """Return the text of the page of a tuning as it is read, without elements and charts."""
    write_tuning(folder, tuning)
    text = write_tune_page(folder, ()).read_text()
    shown = re.sub(r"<(style|script)>.*?</\1>", "", text, flags=re.DOTALL)
    return re.sub(r"\s+", " ", unescape(re.sub(r"<[^>]*>", " ", shown)))


def test_every_chart_is_a_picture_and_a_drawing(drawn) -> None:
    """Beside them lie the page and the tuning."""
    expected = {f"{name}.{form}" for name in CHARTS for form in ("png", "svg")}
    assert {path.name for path in drawn.iterdir()} == {*expected, "tuning.json", "report.html"}


def test_the_charts_tell_what_became_of_each(drawn) -> None:
    """When one left the race and why, the gains with intervals, and the ceiling."""
    race = read_texts(drawn / "race_ratios.svg")
    assert {"slower, after 5 blocks", "far slower, after 2 blocks", "in the tie set", "×1.66"} <= race
    gains = read_texts(drawn / "fresh_gains.svg")
    assert {"×1.52 (1.47–1.58)", "1,520/s", "the step alone", "what you have"} <= gains
    assert {"went on to the race", "left out", "num_workers"} <= read_texts(drawn / "screen_ratios.svg")
    assert {"screen: 1 min 0 s, 220 trials", "3 min 2 s in all"} <= read_texts(drawn / "tuning_time.svg")


def test_the_charts_have_all_their_candidates() -> None:
    """Every raced one has a row, and every screened one a mark; failed and unseen ones aren't screened."""
    charts = {chart.name: chart for chart in make_tuning_charts(tunings.make_infeasible())}
    assert len(charts["screen_ratios"].configurations) == 189
    assert "10 candidates without a trial aren't shown" in charts["screen_ratios"].caption
    raced = charts["race_ratios"].configurations
    assert raced[:2] == (1, 2)
    assert set(raced) == set(range(16)) - {5, 6}
    assert "2 configurations of 14 stayed in the race" in charts["race_ratios"].alternative


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("gain", ["fresh_gains", "tuning_time", "race_ratios"]),
        ("small", ["fresh_gains", "tuning_time", "race_ratios"]),
        ("nothing", ["tuning_time", "race_ratios"]),
        ("interrupted", ["tuning_time", "race_ratios"]),
        ("alone", []),
    ],
)
def test_only_what_is_known_is_drawn(name, expected) -> None:
    """No screen of few candidates, and no gain without fresh blocks."""
    assert [chart.name for chart in make_tuning_charts(tunings.ALL[name]())] == expected


def test_a_screen_without_a_race_says_so() -> None:
    """Nothing went on to a race, and the table has no tie set."""
    found = tunings.make_screened()
    charts = {chart.name: chart for chart in make_tuning_charts(found)}
    assert "1 of 199 candidates were kept, without time to race them" in charts["screen_ratios"].caption
    ends = {row.choices["end"] for row in make_candidate_table(found).rows}
    assert ends == {"not raced", "slower in the screen"}


def test_a_screen_without_workers_is_by_rank() -> None:
    """The axis says so."""
    found = tunings.make_large()
    cells = tuple(replace(one, cells={"num_threads": "1"}) for one in found.candidates)
    charts = {chart.name: chart for chart in make_tuning_charts(replace(found, candidates=cells))}
    assert charts["screen_ratios"].figure.axes[0].get_xlabel() == "rank in the screen"


def test_the_ceiling_is_a_ratio_to_the_present_one() -> None:
    """That of the chosen one over its share."""
    assert find_ceiling_ratio(tunings.make_gain()) == pytest.approx(1.52 / 0.92)
    assert find_ceiling_ratio(tunings.make_unconfirmed()) is None
    broken = replace(tunings.make_gain(), ceiling_share=Estimate(0.0, None, None, 1))
    assert find_ceiling_ratio(broken) is None


def test_an_interval_without_an_end_is_not_drawn() -> None:
    """The mark is, and so is everything else."""
    found = tunings.make_undecided()
    wide = Confirmation(Estimate(1050.0, 900.0, 1200.0, 4), Estimate(1.05, 0.0, math.inf, 4))
    outcome = replace(found.outcome, confirmed={**found.outcome.confirmed, 2: wide})
    charts = make_tuning_charts(replace(found, outcome=outcome))
    assert [chart.name for chart in charts] == ["fresh_gains", "tuning_time", "race_ratios"]
    assert "1.05 times the samples a second of what you have, in 4 fresh blocks" in charts[0].alternative


@pytest.mark.parametrize("make", tunings.ALL.values(), ids=tunings.ALL)
def test_every_verdict_has_a_page(tmp_path, make) -> None:
    """With the answer, what holds, and the cautions in the words of the terminal."""
    tuning = make()
    text = read_page(tmp_path, tuning)
    assert answer_in_a_sentence(tuning) in text
    for remark in [*list_findings(tuning), *list_cautions(tuning)]:
        assert remark.text in text
    assert " None " not in text.replace("Cautions None.", "")
    for line in tuning.code:
        assert line in text


def test_the_page_has_every_candidate_and_the_command(tmp_path) -> None:
    """Columns without a figure are left out."""
    (tmp_path / "environment.json").write_text(json.dumps({"command": "python -m bench.tune train.py"}))
    text = read_page(tmp_path, tunings.make_nothing())
    assert "24 candidates" in text
    assert all(candidate.name in text for candidate in tunings.make_nothing().candidates)
    assert "python -m bench.tune train.py" in text
    page = (tmp_path / "report.html").read_text()
    assert ">blocks</button>" in page
    assert ">screen</button>" not in page


def test_a_folder_without_a_tuning_is_one_line(tmp_path) -> None:
    """It names the file that is missing."""
    with pytest.raises(ResultsError, match=r"tuning\.json can't be read"):
        write_tune_page(tmp_path)


def test_plot_draws_the_folder_again(drawn, tmp_path, monkeypatch, capsys) -> None:
    """The same files from tuning.json alone; where charts can't be drawn, the page is there without them."""
    (tmp_path / "tuning.json").write_bytes((drawn / "tuning.json").read_bytes())
    with pytest.raises(SystemExit) as left:
        main([str(tmp_path)])
    assert left.value.code == 0
    assert capsys.readouterr().out.splitlines()[-1] == str(tmp_path / "report.html")
    for path in drawn.iterdir():
        again = (tmp_path / path.name).read_bytes()
        # The page bears the name of its folder.
        assert again == path.read_bytes() or path.name == "report.html"

    def fail(_: object) -> None:
        raise ChartsError("the charts can't be drawn: no seaborn")

    monkeypatch.setattr("bench.report.report_files.make_tuning_charts", fail)
    monkeypatch.setattr("bench.report.tune.tune_page.make_tuning_charts", fail)
    with pytest.raises(SystemExit) as left:
        main([str(tmp_path)])
    assert left.value.code == 1
    assert capsys.readouterr().err == "error: the charts can't be drawn: no seaborn\n"


def test_results_in_a_program(tmp_path) -> None:
    """The answer, the setting, the code and the charts; names of users are text."""
    results = TuneResults(replace(tunings.make_gain(), name=HTML), tmp_path, (f"{HTML} changed.",))
    assert results.best() is results.tuning.candidates[1]
    assert results.code == "\n".join(tunings.CODE)
    assert repr(results) == f"{results.answer}\n{results.code}\nResults: {tmp_path}"
    html = results._repr_html_()
    assert f"<strong>{results.answer}</strong>" in html
    assert "×1.52 (1.47–1.58)" in html
    assert HTML not in html
    assert html.count("&lt;b&gt;train.py&lt;/b&gt;") == 2
    charts = results.plot()
    assert [chart.name for chart in charts] == ["fresh_gains", "tuning_time", "race_ratios"]


def test_results_without_a_change(tmp_path) -> None:
    """The present configuration, and no lines to paste."""
    results = TuneResults(replace(tunings.make_nothing(), code=tunings.CODE), tmp_path)
    assert results.best() is results.tuning.present
    assert results.code == ""
    assert "Nothing to gain" in results._repr_html_()
    alone = TuneResults(tunings.make_alone(), tmp_path)._repr_html_()
    assert "keep this one" in alone
