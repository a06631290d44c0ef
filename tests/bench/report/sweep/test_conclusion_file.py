"""conclusion.json: written at the end of a sweep, and read for its page."""

from __future__ import annotations

import pytest

from bench.records.errors import ResultsError
from bench.report.sweep.conclusion_file import SavedConclusion, read_conclusion, write_conclusion


def test_a_conclusion_is_read_as_it_was_written(tmp_path) -> None:
    """Numbers of configurations stay numbers."""
    whole = SavedConclusion({3: ("import a", "", "a()")}, ("One.",), 2, (0, 5), True, "bench --resume x")
    for conclusion in (whole, SavedConclusion()):
        write_conclusion(tmp_path, conclusion)
        assert read_conclusion(tmp_path) == conclusion


def test_a_folder_may_have_none(tmp_path) -> None:
    """Such as that of an older version."""
    assert read_conclusion(tmp_path) == SavedConclusion()


@pytest.mark.parametrize("text", ["{", "[]", "{}", '{"code": {"a": []}}'])
def test_a_damaged_file_is_one_line(tmp_path, text) -> None:
    """It names the file and the cure."""
    (tmp_path / "conclusion.json").write_text(text)
    with pytest.raises(ResultsError, match=r"conclusion\.json is not what a sweep wrote: .*; delete it$"):
        read_conclusion(tmp_path)
