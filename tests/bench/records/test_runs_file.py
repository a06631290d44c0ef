"""A file of rows while a sweep writes it, and goes on with it."""

from __future__ import annotations

import csv
import errno
import os

import pandas as pd
import pytest

from bench.records.csv_lines import escape_cell
from bench.records.errors import ResultsError, StorageError
from bench.records.results_folder import read_runs
from bench.records.runs_file import RunsFile
from tests.bench import runs

KNOBS = list(runs.row().knobs)


def test_a_row_is_on_disk_at_once(tmp_path) -> None:
    """Before the file is closed, and before the next row."""
    with RunsFile(tmp_path / "runs.csv", KNOBS) as file:
        for count in (1, 2):
            file.write(runs.row())
            assert len((tmp_path / "runs.csv").read_text().splitlines()) == 1 + count


def test_two_sweeps_in_one_folder_are_refused(tmp_path) -> None:
    """Both found it empty. The second to make the file loses, and the file stays the first's."""
    runs.written(tmp_path, [runs.row()])
    with pytest.raises(ResultsError, match="made by another sweep"):
        RunsFile(tmp_path / "runs.csv", [])
    assert len(read_runs(tmp_path)) == 1


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


def test_an_error_of_any_length_is_read_back(tmp_path) -> None:
    """Some exceptions print all the numbers that they reject."""
    frame = runs.table(tmp_path, [runs.failed(0, 0, error="bad indices " + "12345, " * 100_000), runs.row()])
    assert frame.loc[0, "error"].startswith("bad indices 12345, 12345")
    assert len(frame) == 2


@pytest.mark.parametrize("tail", [b"0,1,2", b'"', b"\0" * 4096, b"x" * 200_000, b"a\rb"])
def test_a_torn_line_is_not_read(tmp_path, tail) -> None:
    """A killed sweep or a power cut leaves one at the end."""
    path = runs.written(tmp_path, [runs.row(), runs.row(block=1)]) / "runs.csv"
    whole = path.read_bytes()
    path.write_bytes(whole + tail)
    assert list(read_runs(tmp_path)["block"]) == [0, 1]
    with RunsFile(path, KNOBS, resumed=True) as file:
        assert path.read_bytes() == whole
        file.write(runs.row(block=2))
    assert path.read_bytes().startswith(whole)
    assert list(read_runs(tmp_path)["block"]) == [0, 1, 2]


def test_a_row_that_cannot_be_written_leaves_nothing_of_it(tmp_path, monkeypatch) -> None:
    """The file ends on the line before it, and the next row follows that."""
    path = tmp_path / "runs.csv"
    with RunsFile(path, KNOBS) as file:
        file.write(runs.row())
        before = path.read_bytes()
        with monkeypatch.context() as full:
            full.setattr(os, "fsync", lambda _: (_ for _ in ()).throw(OSError(28, "No space left on device")))
            with pytest.raises(StorageError, match=r"runs\.csv can't be written: No space left on device"):
                file.write(runs.row(block=1))
        assert path.read_bytes() == before
        file.write(runs.row(block=2))
    assert list(read_runs(tmp_path)["block"]) == [0, 2]


def test_a_file_system_without_fsync_takes_rows(tmp_path, monkeypatch) -> None:
    """The rows are there all the same."""
    number = errno.EINVAL
    monkeypatch.setattr(os, "fsync", lambda _: (_ for _ in ()).throw(OSError(number, os.strerror(number))))
    assert runs.table(tmp_path, [runs.row(), runs.row(block=1)])["block"].tolist() == [0, 1]


def test_a_file_with_other_columns_is_not_gone_on_with(tmp_path) -> None:
    """Its lines would say something else than its header."""
    path = runs.written(tmp_path, [runs.row()]) / "runs.csv"
    before = path.read_bytes()
    with pytest.raises(ResultsError, match=r"has other columns than this sweep writes; start a new sweep$"):
        RunsFile(path, ["batch_size"], resumed=True)
    assert path.read_bytes() == before


@pytest.mark.parametrize(
    "edit",
    [
        pytest.param(lambda content: content.replace(b"\n", b"\r\n"), id="CRLF"),
        pytest.param(lambda content: content.replace(b"\n", b"\r"), id="CR"),
        pytest.param(lambda content: content.replace(b",", b";"), id="semicolons"),
        pytest.param(lambda content: b"\xef\xbb\xbf" + content, id="byte-order mark"),
        pytest.param(lambda content: content.decode().encode("utf-16"), id="UTF-16"),
        pytest.param(lambda content: content.replace(b"schema", b'"schema"'), id="quotes"),
    ],
)
def test_a_file_that_another_program_has_rewritten_is_not_gone_on_with(tmp_path, edit) -> None:
    """It can be read, but lines of two kinds in one file could not."""
    path = runs.written(tmp_path, [runs.row()]) / "runs.csv"
    before = edit(path.read_bytes())
    path.write_bytes(before)
    with pytest.raises(ResultsError, match=r"was rewritten by another program; start a new sweep$"):
        RunsFile(path, KNOBS, resumed=True)
    assert path.read_bytes() == before


def test_a_file_that_pandas_wrote_plainly_is_gone_on_with(tmp_path) -> None:
    """Without a row that its user dropped, and with 4.0 for 4."""
    ring = {**runs.row().knobs, "num_workers": ""}
    path = runs.written(tmp_path, [runs.row(4), runs.failed(4, 1), runs.row(3, knobs=ring)]) / "runs.csv"
    frame = pd.read_csv(path)
    frame[frame["status"] == "ok"].to_csv(path, index=False)
    assert b",4.0," in path.read_bytes()
    with RunsFile(path, KNOBS, resumed=True) as file:
        file.write(runs.row(4, block=1))
    again = read_runs(tmp_path)
    assert again["configuration"].tolist() == [4, 3, 4]
    assert again["num_workers"].tolist() == ["4", "", "4"]
