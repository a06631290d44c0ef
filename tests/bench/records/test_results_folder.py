"""The results folder, and runs.csv there and back."""

from __future__ import annotations

import csv
import os
import re
from pathlib import Path

import pandas as pd
import pytest

from bench.records import results_folder
from bench.records.csv_lines import escape_cell
from bench.records.errors import ResultsError, StorageError
from bench.records.results_folder import check_folder, read_runs
from bench.records.runs_file import RunsFile
from tests.bench import runs


def test_a_row_is_on_disk_at_once(tmp_path) -> None:
    """Before the file is closed, and before the next row: what was measured is kept."""
    with RunsFile(tmp_path / "runs.csv", ["batch_size", "resize", "num_workers"]) as file:
        for count in (1, 2):
            file.write(runs.row())
            assert len((tmp_path / "runs.csv").read_text().splitlines()) == 1 + count


def test_two_sweeps_in_one_folder_are_refused(tmp_path) -> None:
    """Also where both found it empty: the second to open the file loses, and the file stays the first's."""
    runs.written(tmp_path, [runs.row()])
    with pytest.raises(ResultsError, match="made by another sweep"):
        RunsFile(tmp_path / "runs.csv", [])
    assert len(read_runs(tmp_path)) == 1


def test_what_is_written_is_read_back(tmp_path) -> None:
    """Numbers as numbers, unknown as NaN, knobs as the text they are."""
    frame = runs.table(tmp_path, [runs.row(2, wall_s=1.25), runs.failed(1, 0)])
    assert frame["wall_s"].iloc[0] == 1.25
    assert pd.isna(frame["wall_s"].iloc[1])
    assert frame["num_workers"].tolist() == ["2", "1"]
    assert frame["resize"].tolist() == ["none", "none"]
    assert results_folder.find_knob_columns(frame) == ["batch_size", "resize", "num_workers"]


def test_text_from_outside_stays_in_its_cell(tmp_path) -> None:
    """Line ends, quotes, commas, terminal sequences: one line, one cell."""
    nasty = 'a "quoted", thing\nnext line \x1b[31mred\x07 \x00end'
    runs.written(tmp_path, [runs.failed(0, 0, error=nasty)])
    with (tmp_path / "runs.csv").open(newline="") as stream:
        lines = list(csv.reader(stream))
    assert len(lines) == 2
    assert lines[1][-1] == 'a "quoted", thing next line [31mred end'


@pytest.mark.parametrize("text", ["=1+1", "+cmd", "-cmd", "@sum"])
def test_no_cell_is_a_formula(text) -> None:
    """A spreadsheet shows it and does not run it."""
    assert escape_cell(text) == f"'{text}"


def test_a_negative_number_stays_a_number() -> None:
    """A minus before digits is no formula."""
    assert escape_cell("-1.5") == "-1.5"


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


def test_a_missing_file_is_one_line(tmp_path) -> None:
    """A folder without runs.csv says so."""
    with pytest.raises(ResultsError, match=r"runs\.csv can't be read: No such file"):
        read_runs(tmp_path)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "is empty: its sweep ended before it measured anything"),
        ("a,b", "holds no whole line"),
        ("\0\0\0\0", "holds no whole line"),
        ("a,b\n1,2\n", "lacks the columns schema"),
        ("a,a\n1,2\n", "several columns of one name"),
        ("a,b\n1,2\n1\n1,2\n", r"runs\.csv, line 3: 1 cells instead of 2"),
        ("a,b\n1,2,3\n", r"runs\.csv, line 2: 3 cells instead of 2"),
        ('"unclosed\n', "is not a"),
        (b"a,\xff\n", "is not a table: 'utf-8' codec"),
        (b"\x89PNG\r\n\x1a\n\0\0", "is not a"),
    ],
)
def test_a_file_that_is_not_ours_is_one_line(tmp_path, text, says) -> None:
    """What is wrong with it is said."""
    (tmp_path / "runs.csv").write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(ResultsError, match=says):
        read_runs(tmp_path)


def test_an_error_of_any_length_is_read_back(tmp_path) -> None:
    """Some exceptions say all the numbers that they don't like."""
    frame = runs.table(tmp_path, [runs.failed(0, 0, error="bad indices " + "12345, " * 100_000), runs.row()])
    assert frame.loc[0, "error"].startswith("bad indices 12345, 12345")
    assert len(frame) == 2


@pytest.mark.parametrize("tail", [b"0,1,2", b'"', b"\0" * 4096, b"x" * 200_000, b"a\rb"])
def test_a_torn_line_is_not_read(tmp_path, tail) -> None:
    """What a sweep that was killed, or a power cut, may leave at the end."""
    path = runs.written(tmp_path, [runs.row(), runs.row(block=1)]) / "runs.csv"
    whole = path.read_bytes()
    path.write_bytes(whole + tail)
    assert list(read_runs(tmp_path)["block"]) == [0, 1]
    with RunsFile(path, runs.row().knobs, resumed=True) as file:
        assert path.read_bytes() == whole
        file.write(runs.row(block=2))
    assert path.read_bytes().startswith(whole)
    assert list(read_runs(tmp_path)["block"]) == [0, 1, 2]


def test_a_file_with_other_columns_is_not_gone_on_with(tmp_path) -> None:
    """Its lines would say something else than its header."""
    path = runs.written(tmp_path, [runs.row()]) / "runs.csv"
    before = path.read_bytes()
    with pytest.raises(ResultsError, match="has other columns than this sweep writes"):
        RunsFile(path, ["batch_size"], resumed=True)
    assert path.read_bytes() == before


def test_a_row_that_cannot_be_written_leaves_nothing_of_it(tmp_path, monkeypatch) -> None:
    """The file ends on the line before it, and the next row follows that."""
    path = tmp_path / "runs.csv"
    with RunsFile(path, runs.row().knobs) as file:
        file.write(runs.row())
        before = path.read_bytes()
        with monkeypatch.context() as full:
            full.setattr(os, "fsync", lambda _: (_ for _ in ()).throw(OSError(28, "No space left on device")))
            with pytest.raises(StorageError, match=r"runs\.csv can't be written: No space left on device"):
                file.write(runs.row(block=1))
        assert path.read_bytes() == before
        file.write(runs.row(block=2))
    assert list(read_runs(tmp_path)["block"]) == [0, 2]


def test_what_is_read_holds_no_control_sequences(tmp_path) -> None:
    """A file from elsewhere can't talk to the terminal that it is shown in."""
    path = runs.written(tmp_path, [runs.failed(0, 0, error="boom")]) / "runs.csv"
    path.write_text(path.read_text().replace("boom", "\x1b]0;owned\x07\x1b[31mboom\u202e"))
    assert list(read_runs(tmp_path)["error"]) == ["]0;owned[31mboom"]


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


def test_a_folder_is_used_by_one(tmp_path) -> None:
    """Until it lets go."""
    second = results_folder.lock_folder(tmp_path)
    with results_folder.lock_folder(tmp_path), pytest.raises(ResultsError, match="in use by another sweep"):
        second.__enter__()
    with results_folder.lock_folder(tmp_path):
        assert list(tmp_path.iterdir()) == []


def test_another_schema_is_refused(tmp_path) -> None:
    """A file of another version is not read as if it were of this one."""
    runs.written(tmp_path, [runs.row(schema=99)])
    with pytest.raises(ResultsError, match="has schema 99; this version reads 2, 3, 4"):
        read_runs(tmp_path)


def test_the_schema_before_is_read(tmp_path) -> None:
    """Folders that were kept stay readable: what their rows don't say is unknown."""
    runs.written(tmp_path, [runs.row(schema=2)])
    path = tmp_path / "runs.csv"
    older = pd.read_csv(path, dtype=str, keep_default_na=False).drop(columns="peak_anonymous_bytes")
    older.to_csv(path, index=False)
    frame = read_runs(tmp_path)
    assert frame["peak_anonymous_bytes"].isna().all()
    assert frame["peak_memory_bytes"].notna().all()


def test_text_for_a_number_is_refused(tmp_path) -> None:
    """Not read as unknown."""
    runs.written(tmp_path, [runs.row(wall_s="fast")])
    with pytest.raises(ResultsError, match="text where a number belongs"):
        read_runs(tmp_path)
