"""Files of rows, as this program or another one has written them."""

from __future__ import annotations

import csv
import io
import math
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest

from bench.analysis.summary import summarise
from bench.records.errors import ResultsError
from bench.records.results_folder import has_header, read_runs
from bench.records.row import find_knobs
from tests.bench import runs

# What a sweep of several families writes: empty knobs, texts that look like numbers, unknowns.
KNOBS = [("32", "4", "on"), ("none", "", "off"), ("32", "100000", "")]
ROWS = [
    replace(line, knobs={**line.knobs, "resize": resize, "num_workers": workers, "pin_memory": pin})
    for number, (resize, workers, pin) in enumerate(KNOBS)
    for line in [*runs.blocks(number, [1.25, 1.5]), runs.failed(number, 2, "timeout", "took too long, twice")]
]


@pytest.fixture
def path(tmp_path) -> Path:
    return runs.written(tmp_path, ROWS) / "runs.csv"


def lines_of(path: Path) -> list[list[str]]:
    with path.open(newline="") as stream:
        return list(csv.reader(stream))


def write_lines(path: Path, lines: list[list[str]], encoding: str = "utf-8", **dialect) -> None:
    text = io.StringIO()
    csv.writer(text, **{"lineterminator": "\r\n", **dialect}).writerows(lines)
    path.write_bytes(text.getvalue().encode(encoding))


def by_pandas(**options) -> Callable[[Path], None]:
    return lambda path: pd.read_csv(path).to_csv(path, **options)


def by_pandas_twice(path: Path) -> None:
    for _ in range(2):
        pd.read_csv(path).to_csv(path)


def by_a_sorting_user(path: Path) -> None:
    pd.read_csv(path).sample(frac=1, random_state=1).reset_index().to_csv(path, index=False)


def by_r(path: Path, *, separator=",", comma=False, names=True, header=True) -> None:
    """Write as R's write.csv, write.csv2 and write.table: strings in quotes, NA for an unknown, row names."""
    first, *rest = lines_of(path)

    def cell(text: str) -> str:
        try:
            float(text)
        except ValueError:
            return f'"{text}"' if text else "NA"
        text = "1e+05" if text == "100000" else text
        return text.replace(".", ",") if comma else text

    top = ([""] if names and header else []) + first
    lines = [separator.join(f'"{name}"' for name in top)]
    for number, row in enumerate(rest, 1):
        lines.append(separator.join([f'"{number}"'] * names + [cell(text) for text in row]))
    path.write_text("\n".join(lines) + "\n")


def by_a_german_spreadsheet(path: Path) -> None:
    lines = [[re.sub(r"^(-?\d+)\.(\d+)$", r"\1,\2", cell) for cell in row] for row in lines_of(path)]
    write_lines(path, lines, delimiter=";")


def by_excel_as_unicode_text(path: Path) -> None:
    write_lines(path, lines_of(path), "utf-16", delimiter="\t")


def with_empty_margins(path: Path) -> None:
    lines = [[*row, "", ""] for row in lines_of(path)]
    write_lines(path, [*lines, [""] * len(lines[0]), [""] * len(lines[0])])


def without_the_last_line_end(path: Path) -> None:
    write_lines(path, lines_of(path))
    path.write_bytes(path.read_bytes().removesuffix(b"\r\n"))


def with_notes_of_a_user(path: Path) -> None:
    first, *rest = lines_of(path)
    write_lines(path, [[*first, "note"], *([*row, "slow\nday"] for row in rest)])


def with_words_for_switches(path: Path) -> None:
    words = {"on": "TRUE", "off": "FALSE"}
    write_lines(path, [[words.get(cell, cell) for cell in row] for row in lines_of(path)])


@pytest.mark.parametrize(
    "rewrite",
    [
        pytest.param(by_pandas(index=False), id="pandas"),
        pytest.param(by_pandas(), id="pandas with its index"),
        pytest.param(by_pandas(index=False, na_rep="NaN"), id="pandas with NaN"),
        pytest.param(by_pandas(index=False, na_rep="nan"), id="pandas with nan"),
        pytest.param(by_pandas(index=False, sep=";", decimal=","), id="pandas with decimal commas"),
        pytest.param(by_pandas(index=False, quoting=csv.QUOTE_NONNUMERIC), id="pandas with quotes"),
        pytest.param(by_pandas_twice, id="pandas twice"),
        pytest.param(by_r, id="R write.csv"),
        pytest.param(lambda path: by_r(path, separator=";", comma=True), id="R write.csv2"),
        pytest.param(lambda path: by_r(path, names=False), id="R without names of rows"),
        pytest.param(lambda path: by_r(path, separator="\t", header=False), id="R write.table"),
        pytest.param(by_a_german_spreadsheet, id="German spreadsheet"),
        pytest.param(by_excel_as_unicode_text, id="Excel's Unicode text"),
        pytest.param(lambda path: write_lines(path, lines_of(path)), id="CRLF"),
        pytest.param(lambda path: write_lines(path, lines_of(path), lineterminator="\r"), id="CR"),
        pytest.param(lambda path: write_lines(path, lines_of(path), "utf-8-sig"), id="byte-order mark"),
        pytest.param(
            lambda path: write_lines(path, lines_of(path), "utf-8-sig", lineterminator="\n"), id="mark and LF"
        ),
        pytest.param(lambda path: write_lines(path, lines_of(path), delimiter=";"), id="semicolons"),
        pytest.param(with_empty_margins, id="empty columns and rows"),
        pytest.param(without_the_last_line_end, id="no last line end"),
        pytest.param(with_notes_of_a_user, id="another column"),
        pytest.param(with_words_for_switches, id="TRUE and FALSE"),
    ],
)
def test_another_program_may_rewrite_the_file(path, rewrite) -> None:
    """Every cell is read as before: numbers, whole numbers, knobs, unknowns."""
    before = read_runs(path.parent)
    rewrite(path)
    assert has_header(path.parent, "runs.csv")
    pd.testing.assert_frame_equal(read_runs(path.parent), before)


def test_rows_may_be_left_out_and_sorted(path) -> None:
    """The figures of the rows that are there are the same."""
    before = summarise(read_runs(path.parent))
    by_a_sorting_user(path)
    pd.testing.assert_frame_equal(summarise(read_runs(path.parent)), before)
    frame = pd.read_csv(path)
    frame[frame["status"] == "ok"].to_csv(path, index=False)
    found = summarise(read_runs(path.parent))
    assert found["status"].tolist() == ["ok"] * 3
    assert found["batch_size"].tolist() == ["256"] * 3


def test_this_program_reads_what_it_writes(path) -> None:
    """Numbers as numbers, unknown as NaN, knobs as the text they are."""
    frame = read_runs(path.parent)
    assert frame["wall_s"].tolist()[:2] == [1.25, 1.5]
    assert pd.isna(frame["wall_s"].iloc[2])
    assert frame["num_workers"].tolist()[::3] == ["4", "", "100000"]
    assert frame["resize"].tolist()[::3] == ["32", "none", "32"]
    assert find_knobs(list(frame.columns)) == ["batch_size", "resize", "num_workers", "pin_memory"]


def test_only_a_header_is_an_empty_table(path) -> None:
    """The sweep was interrupted before its first row."""
    path.write_bytes(path.read_bytes().partition(b"\n")[0] + b"\n")
    assert read_runs(path.parent).empty


def test_control_sequences_are_removed(path) -> None:
    """A file from elsewhere can't talk to the terminal that it is shown in."""
    path.write_text(path.read_text().replace("twice", "\x1b]0;owned\x07\x1b[31mtwice\u202e"))
    assert read_runs(path.parent)["error"].iloc[2] == "took too long, ]0;owned[31mtwice"


def change(path: Path, line: int, column: str, cell: str, **dialect) -> None:
    lines = lines_of(path)
    lines[line - 1][lines[0].index(column)] = cell
    write_lines(path, lines, **dialect)


@pytest.mark.parametrize(
    ("column", "cell", "says"),
    [
        ("wall_s", "fast", "line 3: wall_s is 'fast', expected a number"),
        ("wall_s", "1,250", "line 3: wall_s is '1,250', expected a number with a decimal point"),
        ("samples", "1,000,000", "line 3: samples is '1,000,000', expected a number with a decimal point"),
        ("wall_s", "1. Feb", "line 3: wall_s is '1. Feb', expected a number"),
        ("epoch", "1.5", "line 3: epoch is '1.5', expected a whole number"),
        ("configuration", "", "line 3: configuration is '', expected a whole number"),
        ("wall_s", "1e999", "line 3: wall_s is '1e999', expected a finite number"),
        ("cpu_mhz", "-inf", "line 3: cpu_mhz is '-inf', expected a finite number"),
        ("samples", "0", "line 3: samples is '0', expected a number above 0 where the status is ok"),
        ("wall_s", "-1.5", "line 3: wall_s is '-1.5', expected a number above 0 where the status is ok"),
        ("schema", "9", "has schema 8, 9; this version reads 2, 3, 4, 5, 6, 7 and 8"),
    ],
)
def test_a_cell_that_cannot_be_read_is_one_line(path, column, cell, says) -> None:
    """The line of the file, the column, the cell and what was expected."""
    change(path, 3, column, cell)
    with pytest.raises(ResultsError, match=rf"runs\.csv.*{says}$") as caught:
        read_runs(path.parent)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(("column", "cell"), [("train_loss", "inf"), ("train_loss", "-2"), ("wall_s", "")])
def test_a_training_may_diverge(path, column, cell) -> None:
    """Its loss is any number, and an unknown is none."""
    change(path, 3, column, cell)
    found = read_runs(path.parent)[column].iloc[1]
    assert found == pytest.approx(float(cell or math.nan), nan_ok=True)


def test_a_file_that_cannot_be_read_is_one_line(tmp_path) -> None:
    """A folder of its name stands for any file that can't be opened."""
    (tmp_path / "ceilings.csv").mkdir()
    with pytest.raises(ResultsError, match=r"ceilings\.csv can't be read: Is a directory$"):
        has_header(tmp_path, "ceilings.csv")


def test_a_comma_that_may_be_either_is_refused(path) -> None:
    """1,250 beside no other decimal comma may be 1250 or 1.25."""
    header, row = lines_of(path)[:2]
    row = ["1,250" if cell == "1.25" else "" if re.fullmatch(r"\d+\.\d+", cell) else cell for cell in row]
    write_lines(path, [header, row], delimiter=";")
    with pytest.raises(ResultsError, match="is '1,250', expected a number with a decimal point"):
        read_runs(path.parent)


def test_columns_in_another_order_are_refused(path) -> None:
    """Nobody could tell a knob from a column that somebody added."""
    frame = pd.read_csv(path)
    frame[sorted(frame.columns)].to_csv(path, index=False)
    with pytest.raises(ResultsError, match="has its columns in another order, from"):
        read_runs(path.parent)


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
        ("\n\n", "holds no whole line"),
        ("a,b\n1,2\n", "lacks the columns schema"),
        ("a,a\n1,2\n", "several columns of the name a"),
        ("a,b\n1,2\n1\n1,2\n", r"runs\.csv, line 3: 1 cell instead of 2"),
        ("a,b\n1,2,3\n", r"runs\.csv, line 2: 3 cells instead of 2"),
        ('"unclosed\n', "is not a table: unexpected end of data"),
        (b"a,\xff\n", "is not a table in UTF-8: invalid start byte at byte 2; save it as CSV in UTF-8"),
        (b"\xff\xfea\0,\0\n", "is not a table in UTF-8: truncated data at byte"),
        (b"\x89PNG\r\n\x1a\n\0\0", "is not a table"),
        (b"PK\x03\x04\n\0\0", "is not a"),
    ],
)
def test_a_file_that_is_not_ours_is_one_line(tmp_path, text, says) -> None:
    """The fault is named."""
    (tmp_path / "runs.csv").write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(ResultsError, match=says) as caught:
        read_runs(tmp_path)
    assert "\n" not in str(caught.value)
