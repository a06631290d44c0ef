"""The page of an explanation: what stands in it."""

from __future__ import annotations

import json
import re
from html import unescape

import pytest

from bench.records.errors import ResultsError
from bench.report.explain.explain_page import write_explain_page
from bench.report.explain.explanation_file import write_explanation
from tests.bench.report.explain import explanations


def read(folder, explanation) -> str:
    """Return the text of the page of an explanation as it is read, without elements and charts."""
    write_explanation(folder, explanation)
    text = write_explain_page(folder, ()).read_text()
    shown = re.sub(r"<(style|script)>.*?</\1>", "", text, flags=re.DOTALL)
    return re.sub(r"\s+", " ", unescape(re.sub(r"<[^>]*>", " ", shown)))


def test_the_page_says_all_that_a_reader_needs(tmp_path) -> None:
    """The answer, the changes with both gains, code, and how to repeat it."""
    environment = {"command": "python -m bench.explain train.py:train_loader --verify"}
    (tmp_path / "environment.json").write_text(json.dumps(environment))
    explained = explanations.verified()
    text = read(tmp_path, explained)
    best = explained.advice[0]
    assert "What bounds train.py:train_loader" in text
    assert re.search(rf"{re.escape(best.change)} made it [\d.]+ times as fast \(95% interval", text)
    assert re.search(rf"{re.escape(best.change)} : predicted ×[\d.]+ \(.*?\), measured ×[\d.]+ \(", text)
    assert "with an infinitely fast loader" in text
    assert "python -m bench.explain train.py:train_loader --verify" in text
    for part in explained.parts:
        assert part.name in text
    for title in ("Break-even:", "Each stage alone", "Start-up:"):
        assert title in text


def test_an_argument_of_a_dataloader_is_code(tmp_path) -> None:
    """A change of another kind has none."""
    changes = explanations.fetch_bound().advice
    text = read(tmp_path, explanations.fetch_bound())
    knobs = next(advice.knobs for advice in changes if "num_workers" in advice.knobs)
    assert f"DataLoader(..., num_workers={knobs['num_workers']}" in text


@pytest.mark.parametrize(
    "make",
    [
        explanations.nothing_to_gain,
        explanations.in_process,
        explanations.stragglers,
        explanations.undecided,
        explanations.no_inside,
    ],
)
def test_every_kind_of_explanation_has_a_page(tmp_path, make) -> None:
    """With its cautions, and without what isn't known."""
    explained = make()
    text = read(tmp_path, explained)
    assert all(caution in text for caution in explained.cautions)
    assert ("Stragglers:" in text) == bool(explained.slow_batches)
    assert " None " not in text.replace("Cautions None.", "")


def test_a_folder_without_an_explanation_is_one_line(tmp_path) -> None:
    """It names the file that is missing."""
    with pytest.raises(ResultsError, match=r"explanation\.json can't be read"):
        write_explain_page(tmp_path)
