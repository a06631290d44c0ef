"""The folder in which a sweep of a target was started."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from bench.records.errors import ResultsError
from bench.workloads.target.start_folder import find_start, hint_at_start
from bench.workloads.target.target import Target, TargetError


def write_results(folder: Path, recorded: str | None) -> Path:
    folder.mkdir(parents=True)
    (folder / "environment.json").write_text(json.dumps({"dataset": {"folder": recorded}}))
    return folder


def test_a_new_sweep_is_started_here(tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert find_start(None) == Path.cwd()


def test_a_resumed_sweep_begins_where_it_was_started(tmp_path, monkeypatch) -> None:
    """From anywhere, also through a link, and after the project has moved with its results."""
    results = write_results(tmp_path / "project" / "results" / "x", "../..")
    (tmp_path / "link").symlink_to(results)
    monkeypatch.chdir("/")
    assert find_start(results) == tmp_path / "project"
    assert find_start(tmp_path / "link") == tmp_path / "project"
    (tmp_path / "project").rename(tmp_path / "moved")
    assert find_start(tmp_path / "moved" / "results" / "x") == tmp_path / "moved"


@pytest.mark.parametrize("recorded", [None, "../../gone"])
def test_without_a_record_it_begins_here(tmp_path, monkeypatch, recorded) -> None:
    """As the results lie outside the project, or it is gone."""
    results = write_results(tmp_path / "results" / "x", recorded)
    monkeypatch.chdir(tmp_path)
    assert find_start(results) == Path.cwd()


def test_a_folder_of_no_sweep_is_told(tmp_path) -> None:
    with pytest.raises(ResultsError, match="give a folder that a sweep made"):
        find_start(tmp_path)


def test_a_target_that_is_not_here_is_told_with_the_cure(tmp_path) -> None:
    """Only where a sweep is resumed."""
    with pytest.raises(TargetError) as raised, hint_at_start(tmp_path):
        Target.parse("train.py:loader", tmp_path)
    assert str(raised.value) == (
        f"train.py:loader: there is no file {tmp_path}/train.py; resume in the folder in which the sweep was "
        "started"
    )
    with pytest.raises(TargetError, match=r"train.py$"), hint_at_start(None):
        Target.parse("train.py:loader", tmp_path)
