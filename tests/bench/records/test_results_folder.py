"""The results folder: checked, made, locked, and its JSON file."""

from __future__ import annotations

import errno
import os
import re
from pathlib import Path

import pytest

from bench.records import results_folder
from bench.records.errors import ResultsError, StorageError
from bench.records.results_folder import check_folder


def test_a_used_folder_is_refused(tmp_path) -> None:
    """Results are never mixed with others."""
    (tmp_path / "x").write_text("")
    with pytest.raises(ResultsError, match="is not empty; name a new folder"):
        check_folder(tmp_path)


def test_a_file_is_no_folder(tmp_path) -> None:
    """Neither itself nor somewhere above."""
    (tmp_path / "x").write_text("")
    with pytest.raises(ResultsError, match="is a file"):
        check_folder(tmp_path / "x")
    with pytest.raises(ResultsError, match="is not a folder open for writing"):
        check_folder(tmp_path / "x" / "y" / "z")


def test_a_folder_that_cannot_be_written_is_refused(tmp_path, monkeypatch) -> None:
    """Found before anything is measured."""
    monkeypatch.setattr("os.access", lambda path, mode: False)
    with pytest.raises(ResultsError, match="can't be written"):
        check_folder(tmp_path / "new")


def test_checking_makes_nothing(tmp_path) -> None:
    """A check before bad input is found leaves no folder behind."""
    check_folder(tmp_path / "a" / "b")
    assert list(tmp_path.iterdir()) == []


def test_the_default_folder_says_when_and_what() -> None:
    """results/<UTC time>-<name>, so that folders sort by time."""
    folder = results_folder.name_folder(None, "quick")
    assert folder.parent == Path("results")
    assert re.fullmatch(r"\d{8}T\d{6}Z-quick", folder.name)
    assert results_folder.name_folder(Path("x"), "quick") == Path("x")


def test_a_file_is_replaced_as_a_whole(tmp_path, monkeypatch) -> None:
    """One that can't be written leaves the one before, and nothing beside it."""
    path = tmp_path / "environment.json"
    results_folder.write_json(path, {"a": 1})
    monkeypatch.setattr(os, "fsync", lambda _: (_ for _ in ()).throw(OSError(28, "No space left on device")))
    with pytest.raises(StorageError, match=r"environment\.json can't be written: No space"):
        results_folder.write_json(path, {"a": 2})
    assert results_folder.read_environment(tmp_path) == {"a": 1}
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize(
    ("text", "says"), [(None, "No such file"), ("{", "not what a sweep wrote"), ("[]", "it holds no object")]
)
def test_an_environment_that_is_not_ours_is_one_line(tmp_path, text, says) -> None:
    """Missing, torn or something else."""
    if text is not None:
        (tmp_path / "environment.json").write_text(text)
    with pytest.raises(ResultsError, match=says):
        results_folder.read_environment(tmp_path)


def test_a_byte_order_mark_is_passed_over(tmp_path) -> None:
    """Some editors put one before the text."""
    (tmp_path / "environment.json").write_text("\ufeff{}", encoding="utf-8")
    assert results_folder.read_environment(tmp_path) == {}


def test_a_folder_is_used_by_one(tmp_path) -> None:
    """Until it lets go."""
    second = results_folder.lock_folder(tmp_path)
    with results_folder.lock_folder(tmp_path), pytest.raises(ResultsError, match="in use by another sweep"):
        second.__enter__()
    with results_folder.lock_folder(tmp_path):
        assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("number", [errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP, errno.EBADF, errno.EIO])
def test_a_file_system_without_locks_is_used_without(tmp_path, monkeypatch, number) -> None:
    """Some network file systems have none."""

    def flock(descriptor: int, operation: int) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr("fcntl.flock", flock)
    with results_folder.lock_folder(tmp_path), results_folder.lock_folder(tmp_path):
        assert list(tmp_path.iterdir()) == []


def test_a_folder_that_cannot_be_opened_is_one_line(tmp_path) -> None:
    """It was removed meanwhile."""
    with (
        pytest.raises(ResultsError, match="gone can't be opened: No such file"),
        results_folder.lock_folder(tmp_path / "gone"),
    ):
        pass
