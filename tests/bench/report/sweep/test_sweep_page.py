"""The page of a sweep: what stands in it."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from html import unescape

import pytest

from bench.records.delivered_pictures import DeliveredPictures, SamplePicture
from bench.records.errors import ResultsError, StorageError
from bench.records.pictures_file import write_pictures
from bench.report.charts.drawing import ChartsError
from bench.report.page import page
from bench.report.page.page import PageError
from bench.report.sweep.conclusion_file import SavedConclusion, write_conclusion
from bench.report.sweep.sweep_page import write_sweep_page
from tests.bench import runs
from tests.bench.runs import blocks, ceiling, failed

ENVIRONMENT = {
    "command": "python -m bench.sweep --num-workers 0,1",
    "started_at": "2026-11-07T10:00:00+00:00",
    "commit": "0123abc",
    "dataset": {"name": "my data", "sha256": "ab" * 32},
    "machine": {"cpu": "Quick CPU", "cores": 8, "cores_usable": 2.5, "memory_bytes": 2**34},
    "gpu": {"name": "Big GPU"},
    "versions": {"torch": "2.14.1"},
    "torch": {"num_threads": 2},
    "variables": {"OMP_NUM_THREADS": "1"},
    "sweep": {"precision": 0.03, "left_out": [{"configuration": "pin_memory=on", "reason": "no GPU"}]},
}


@pytest.fixture
def folder(tmp_path):
    """Return the folder of a sweep in which one worker is twice as fast, below a step's ceiling."""
    folder = runs.written(tmp_path / "out", [*blocks(0, [2.0] * 3), *blocks(1, [1.0] * 3)])
    bounds = runs.written(tmp_path / "bounds", ceiling("step", [0.5] * 3, knobs={"batch_size": "256"}))
    (bounds / "runs.csv").rename(folder / "ceilings.csv")
    (folder / "environment.json").write_text(json.dumps(ENVIRONMENT))
    return folder


def read(folder, charts=()) -> str:
    """Return the text of a folder's page as it is read, without elements."""
    text = write_sweep_page(folder, charts).read_text()
    shown = re.sub(r"<(style|script)>.*?</\1>", "", text, flags=re.DOTALL)
    return re.sub(r"\s+", " ", unescape(re.sub(r"<[^>]*>", " ", shown)))


def test_the_page_says_all_that_a_reader_needs(folder) -> None:
    """What to use, how sure it is, how much there is to gain at all, and how to repeat it."""
    write_conclusion(folder, SavedConclusion(code={1: ("import b", "b(1)")}))
    text = read(folder)
    assert "Use num_workers=1 , the fastest: 2 times the baseline num_workers=0 (95% interval 2–2)." in text
    assert "With an infinitely fast loader this training would run at 2,000 samples/s, 4 times" in text
    assert "of an infinitely fast loader’s speed" in text
    assert "import b b(1)" in text
    assert "python -m bench.sweep --num-workers 0,1" in text
    assert "7 November 2026, 10:00 UTC · Quick CPU, 2.5 cores, Big GPU · 3 blocks" in text
    for fact in ("8, 2.5 of them usable", "torch 2.14.1", "OMP_NUM_THREADS 1", "commit 0123abc"):
        assert fact in text
    assert "1 combination can’t work here and was left out pin_memory=on : no GPU" in text


def test_the_table_holds_every_configuration(folder) -> None:
    """With intervals, the ceiling, and words for the best and the baseline."""
    text = read(folder)
    assert "1 num_workers=1 fastest · use this one 1,000 1.00k–1.00k 2 2–2 50% step 50%" in text
    assert "2 num_workers=0 baseline 500 500–500 1 25% step 50%" in text


def test_without_kept_code_its_settings_are_named(folder) -> None:
    """As in folders of older versions."""
    assert "Its settings: family=torch_dataloader , batch_size=256 , num_workers=1 , num_threads=2 ." in read(
        folder
    )


def test_cautions_name_everything_that_went_wrong(folder) -> None:
    """Notices, failures, missing intervals and trials, the interrupt, and how to go on."""
    rows = [*blocks(0, [2.0] * 3), *blocks(1, [1.0] * 3), failed(2, 0, error="it [broke] & <b>")]
    runs.written(folder.parent / "more", rows)
    (folder.parent / "more" / "runs.csv").replace(folder / "runs.csv")
    saved = SavedConclusion(
        notices=("Data are synthetic.",),
        left_out=2,
        imprecise=(1,),
        interrupted=True,
        resume="bench --resume",
    )
    write_conclusion(folder, saved)
    text = read(folder)
    for caution in (
        "Notice: Data are synthetic.",
        "failed num_workers=2: it [broke] & <b>",
        "Imprecise: the budget ended before ±3% for num_workers=1",
        "the budget left out 2 trials",
        "Interrupted: only what was measured until then is shown.",
        "bench --resume",
        "5 cautions below: read them",
    ):
        assert caution in text
    assert "None: nothing failed" not in text


def test_a_quiet_sweep_has_no_caution(folder) -> None:
    """The page says so."""
    text = read(folder)
    assert "None: nothing failed" in text
    assert "before you rely on" not in text


def test_where_nothing_could_be_ranked_the_reason_stands(tmp_path) -> None:
    """The table has the failed configurations; without environment.json the rest is there."""
    folder = runs.written(tmp_path / "out", [failed(0, 0), failed(1, 0, "timeout", "too slow")])
    text = read(folder)
    assert "Nothing could be ranked." in text
    assert "timeout num_workers=1: too slow" in text
    assert "The folder doesn’t hold the command." in text


def test_fewer_than_three_blocks_tell_nothing(tmp_path) -> None:
    """No row says that it is slower."""
    text = read(runs.written(tmp_path / "out", [*blocks(0, [2.0]), *blocks(1, [1.0])]))
    assert "from 1 block, so without an interval" in text
    assert "fastest so far" in text
    assert "tied with" not in text


def test_an_aa_check_says_whether_it_holds(folder) -> None:
    """It has no winner."""
    environment = {**ENVIRONMENT, "sweep": {"aa_pairs": 1}}
    (folder / "environment.json").write_text(json.dumps(environment))
    text = read(folder)
    assert re.search(r"A/A (holds|fails|says nothing)", text)
    assert "use this one" not in text


def test_samples_are_shown(folder) -> None:
    """With their labels and the range of their values."""
    pictures = (SamplePicture(b"png", "bag"), SamplePicture(b"png", ""))
    write_pictures(folder, DeliveredPictures(pictures, "1x8x8", "float32", -1.0, 2.0, 1))
    text = write_sweep_page(folder, ()).read_text()
    assert text.count('src="data:image/png;base64,cG5n"') == 2
    assert 'alt="sample 1, label bag"' in text
    assert "delivered by num_workers=1: 1x8x8, float32; -1 is drawn as black, 2 as white." in text


def test_several_kinds_of_work_have_a_card_each(tmp_path) -> None:
    """Each row of the table says its kind, by which it is filtered."""
    rows = []
    for number, size in enumerate(("64", "64", "256", "256")):
        knobs = {"batch_size": size, "resize": "none", "num_workers": str(number % 2)}
        rows += [replace(row, knobs=knobs) for row in blocks(number, [2.0 - number / 10] * 3)]
    path = write_sweep_page(runs.written(tmp_path / "out", rows), ())
    text = path.read_text()
    assert text.count('<div class="answer split">') == 2
    assert "<option>batch_size=64</option><option>batch_size=256</option>" in text or (
        "<option>batch_size=256</option><option>batch_size=64</option>" in text
    )


def test_charts_that_can_not_be_drawn_cost_nothing_else(folder, monkeypatch) -> None:
    """The page says why there are none."""

    def fail(_: object) -> None:
        raise ChartsError("the charts can't be drawn: <no> seaborn")

    monkeypatch.setattr("bench.report.sweep.sweep_page.make_charts", fail)
    text = read(folder, None)
    assert "No charts: the charts can't be drawn: <no> seaborn." in text
    assert "Use num_workers=1" in text


def test_nothing_measured_makes_no_page(tmp_path) -> None:
    """An empty table of a sweep that was killed early."""
    folder = runs.written(tmp_path / "out", blocks(0, [1.0]))
    lines = (folder / "runs.csv").read_text().splitlines()
    (folder / "runs.csv").write_text(f"{lines[0]}\n")
    assert write_sweep_page(folder) is None
    assert not (folder / "report.html").exists()


def test_errors_are_one_line(folder, monkeypatch) -> None:
    """A damaged file names itself; a fault of the page is a PageError; a full disk is a StorageError."""
    (folder / "conclusion.json").write_text("{")
    with pytest.raises(ResultsError, match=r"conclusion\.json"):
        write_sweep_page(folder, ())
    (folder / "conclusion.json").unlink()

    def fail(*_: object) -> None:
        raise StorageError(folder / "report.html", OSError(28, "No space left on device"))

    with monkeypatch.context() as patch:
        patch.setattr("bench.report.page.page.write_text", fail)
        with pytest.raises(StorageError, match="No space left"):
            write_sweep_page(folder, ())
    monkeypatch.setattr(page, "TEMPLATES", folder)
    with pytest.raises(PageError, match=r"^report\.html can't be made: TemplateNotFound"):
        write_sweep_page(folder, ())
