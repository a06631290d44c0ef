"""CSV cells: the text cells of a CSV file, written by this program or another one."""

from __future__ import annotations

import codecs
import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from bench.records.csv_lines import encode_line, keep_whole_lines
from bench.records.errors import ResultsError
from bench.text import format_count, printable

ENCODINGS = {codecs.BOM_UTF8: "utf-8-sig", codecs.BOM_UTF16_LE: "utf-16", codecs.BOM_UTF16_BE: "utf-16"}
SEPARATORS = ",;\t"


@dataclass(frozen=True)
class CsvCells:
    """Cells of a CSV file, as text without control characters.

    Attributes:
        path: the file.
        names: names of the columns. An unnamed column, such as an index, is left out.
        rows: cells of each row that isn't empty.
        lines: line of the file on which each row ends, from 1.
    """

    path: Path
    names: list[str]
    rows: list[list[str]]
    lines: list[int]


def read_cells(path: Path) -> CsvCells:
    """Read the cells of a CSV file.

    A spreadsheet, pandas or R may have written it: with semicolons or tabs, with any line ends, with a
    byte-order mark, in UTF-16, with an index, with empty rows and columns at the end.

    Raises:
        ResultsError: the file can't be read or is no table.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise ResultsError(
            f"{path} can't be read: {error.strerror}; give a folder that a sweep made"
        ) from error
    if not content:
        raise ResultsError(f"{path} is empty: its sweep ended before it measured anything")
    if not has_line_end(content):
        raise ResultsError(f"{path} is not a table: it holds no whole line")
    text = _decode(path, keep_whole_lines(content) if _is_own(content) else content)
    # An exception's text can be longer than what csv reads by default.
    csv.field_size_limit(2**30)
    header = text.lstrip("\n").partition("\n")[0]
    separator = max(SEPARATORS, key=header.count)
    reader = csv.reader(io.StringIO(text), delimiter=separator, strict=True)
    try:
        lines = [
            (reader.line_num, cells) for row in reader if any(cells := [printable(cell) for cell in row])
        ]
    except csv.Error as error:
        raise ResultsError(f"{path} is not a table: {error}") from error
    if not lines:
        raise ResultsError(f"{path} is not a table: it holds no whole line")
    (_, names), *numbered = lines
    return _align(path, names, numbered)


def has_line_end(content: bytes) -> bool:
    """Return True if the content holds a whole line, with any line end."""
    return b"\n" in content or b"\r" in content


def _is_own(content: bytes) -> bool:
    """Return True if the header is written as this program writes it.

    Such a file may end within a line, where its sweep was killed. Other programs write files as a whole, and
    may leave out the last line end.
    """
    header = content[: content.find(b"\n") + 1]
    if content.startswith(tuple(ENCODINGS)) or b"\r" in header:
        return False
    try:
        return header == encode_line(header.decode().rstrip("\n").split(",")) and b"," in header
    except UnicodeDecodeError:
        return False


def _decode(path: Path, content: bytes) -> str:
    """Return the text of a file with `\\n` for line ends."""
    encoding = next((ENCODINGS[mark] for mark in ENCODINGS if content.startswith(mark)), "utf-8")
    try:
        text = content.decode(encoding)
    except UnicodeDecodeError as error:
        raise ResultsError(
            f"{path} is not a table in UTF-8: {error.reason} at byte {error.start}; save it as CSV in UTF-8"
        ) from error
    return text.replace("\r\n", "\n").replace("\r", "\n")


def _align(path: Path, names: Sequence[str], numbered: Sequence[tuple[int, list[str]]]) -> CsvCells:
    """Give each row as many cells as there are names, and leave out unnamed columns."""
    width = max((place for place, name in enumerate(names, 1) if name), default=0)
    names, rows = names[:width], [_trim(row, width) for _, row in numbered]
    if _has_row_names(names, rows):
        rows = [row[1:] for row in rows]
    for (line, _), row in zip(numbered, rows, strict=True):
        if len(row) != width:
            raise ResultsError(f"{path}, line {line}: {format_count(len(row), 'cell')} instead of {width}")
    kept = [place for place, name in enumerate(names) if name]
    names = [names[place] for place in kept]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise ResultsError(f"{path} is not a sweep's file: it has several columns of the name {twice}")
    cells = [[row[place] for place in kept] for row in rows]
    return CsvCells(path, names, cells, [line for line, _ in numbered])


def _trim(row: list[str], width: int) -> list[str]:
    """Return a row without the empty cells that a spreadsheet leaves at its end."""
    end = len(row)
    while end > width and not row[end - 1]:
        end -= 1
    return row[:end]


def _has_row_names(names: Sequence[str], rows: Sequence[Sequence[str]]) -> bool:
    """Return True if each row has one cell more than the header, a row name, as R's write.table writes it."""
    return "schema" in names[:1] and bool(rows) and all(len(row) == len(names) + 1 for row in rows)
