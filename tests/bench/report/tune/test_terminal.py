"""A tuning on the terminal: its end, its JSON and its errors."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from bench.analysis.device_busy import DeviceBusy
from bench.analysis.tuning.outcome import Fate
from bench.records.errors import StorageError
from bench.report.json_values import encode_value
from bench.report.remark import Remark
from bench.report.tune.answer import answer_in_a_sentence
from bench.report.tune.best_rows import MOST_ROWS, make_best_rows
from bench.report.tune.closing import complain_of, describe_tuning, print_conclusion
from bench.report.tune.conclusion import TuneConclusion
from tests.bench.report.printing import capture
from tests.bench.report.tune import tunings


def show(folder, tuning, width: int = 100, **more) -> str:
    """Return what the terminal shows."""
    conclusion = TuneConclusion(folder, tuning, **more)
    return capture(lambda console: print_conclusion(console, conclusion), width)


def join(text: str) -> str:
    """Return a text without its line breaks."""
    return " ".join(text.split())


@pytest.mark.parametrize("make", tunings.ALL.values(), ids=tunings.ALL)
def test_every_verdict_fits_on_a_page(tmp_path, make) -> None:
    """Of 100 columns, with the answer and every caution."""
    tuning = make()
    text = show(tmp_path, tuning)
    own = [line for line in text.splitlines() if str(tmp_path) not in line]
    assert max(len(line.rstrip()) for line in own) <= 100
    assert answer_in_a_sentence(tuning) in join(text)
    assert all(caution in join(text) for caution in tuning.cautions)
    assert "None" not in text.replace("None that", "")


def test_the_table_has_the_tie_set_the_best_others_and_the_present_one(tmp_path) -> None:
    """The chosen one first; the fresh blocks' gain beside that of the race."""
    text = show(tmp_path, tunings.make_gain())
    lines = [line for line in text.splitlines() if "×" in line and "num_workers" in line]
    assert len(lines) == 6
    assert "×1.52 (1.47–1.58)   ×1.53   use this one" in lines[0]
    assert lines[1].rstrip().endswith("in the tie set")
    assert "slower, after 5 blocks" in lines[2]
    assert "(yours)" in lines[-1]
    assert "18 more candidates; × is to what you have." in text


def test_the_gpu_is_named_and_how_busy_it_is(tmp_path) -> None:
    """Without fresh blocks only its name is known."""
    found = replace(tunings.make_gain(), device="cuda", gpu="NVIDIA L4")
    assert "cuda (NVIDIA L4)" in join(show(tmp_path, found))
    assert "GPU:" not in join(show(tmp_path, found))
    busy = replace(found, busy=DeviceBusy(0.5, is_bound=True), present_busy=DeviceBusy(0.25, is_bound=True))
    assert (
        "GPU: The GPU (NVIDIA L4) computes for at most 50% of an epoch and waits for the rest; with what you "
        "have it computes for at most 25%."
    ) in join(show(tmp_path, busy))


def test_a_screen_alone_has_a_column() -> None:
    """Where the budget left no time for a race. Nothing is tied then."""
    best = make_best_rows(tunings.make_screened())
    assert best.columns == ("screen",)
    assert best.rows[0].figures == ("×1.30",)
    assert [row.end for row in best.rows] == ["not raced", *["slower in the screen"] * 2, "keep this one"]


def test_a_large_tie_set_is_cut() -> None:
    """The present one stays."""
    found = tunings.make_gain()
    fates = {number: Fate("tied", "", None, 1.0, 5) for number in range(24)}
    outcome = replace(found.outcome, fates=fates, tied=tuple(range(23, -1, -1)))
    best = make_best_rows(replace(found, outcome=outcome))
    assert len(best.rows) <= MOST_ROWS
    assert best.rows[0].is_chosen
    assert best.rows[-1].name.endswith("(yours)")


def test_code_is_printed_only_where_something_changes(tmp_path) -> None:
    """As it is, in lines of its own."""
    for line in tunings.CODE:
        assert f"\n  {line}\n" in show(tmp_path, tunings.make_gain())
    kept = replace(tunings.make_nothing(), code=tunings.CODE)
    assert "DataLoader(" not in show(tmp_path, kept)


def test_files_are_named(tmp_path) -> None:
    """The page first, then the charts."""
    for name in ("report.html", "race_ratios.png", "notes.txt"):
        (tmp_path / name).touch()
    assert "(report.html, race_ratios.png)" in join(show(tmp_path, tunings.make_gain()))


def test_names_are_no_markup(tmp_path) -> None:
    """Errors of users may hold brackets."""
    text = show(tmp_path, replace(tunings.make_infeasible(), name="[red]train.py"))
    assert "[red]train.py: 200 candidates" in text
    assert "exited unexpectedly [x]" in join(text)


def test_an_end_without_a_tuning(tmp_path, capsys) -> None:
    """Too early, failed or broken by an error: one line each, and exit code 1."""
    early = TuneConclusion(tmp_path, None, interrupted=True)
    assert "too early for an answer" in capture(lambda console: print_conclusion(console, early))
    failed = TuneConclusion(tmp_path, None, failure="a trial gave no batch")
    full = StorageError(tmp_path, OSError(28, "No space left"))
    broken = TuneConclusion(tmp_path, tunings.make_gain(), problems=(full,))
    assert (early.exit_code, failed.exit_code, broken.exit_code) == (1, 1, 1)
    assert TuneConclusion(tmp_path, tunings.make_gain()).exit_code == 0
    for conclusion in (early, failed, broken):
        complain_of(conclusion)
    assert capsys.readouterr().err.splitlines() == [
        "error: nothing can be tuned: a trial gave no batch",
        f"error: {tmp_path} can't be written: No space left",
    ]


def test_json_is_that_of_the_file_and_how_it_ended(tmp_path) -> None:
    """Without a tuning the answer is null."""
    undrawn = (Remark("No charts", "no seaborn", "caution"),)
    conclusion = TuneConclusion(tmp_path, tunings.make_gain(), undrawn=undrawn)
    found = json.loads(
        json.dumps(encode_value(describe_tuning(conclusion, ["a notice"], 0)), allow_nan=False)
    )
    assert found["answer"] == answer_in_a_sentence(tunings.make_gain())
    assert found["outcome"]["chosen"] == 1
    assert (found["notices"], found["problems"]) == (["a notice"], ["No charts: no seaborn"])
    assert (found["folder"], found["interrupted"], found["exit_code"]) == (str(tmp_path), False, 0)
    nothing = describe_tuning(TuneConclusion(tmp_path, None, failure="x", interrupted=True), (), 130)
    assert (nothing["answer"], nothing["problems"], nothing["interrupted"]) == (None, ["x"], True)
