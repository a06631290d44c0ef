"""RunsFile: `runs.csv` while a sweep writes it, whole line by whole line; and such a file read back."""

from __future__ import annotations

import csv
import io
import os
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from types import TracebackType

import pandas as pd
from typing_extensions import Self

from bench import interrupts
from bench.row import ADDED, SCHEMA, Row, fixed_columns, header, number_columns

# A cell that is longer holds nothing that was measured.
LONGEST = 10_000


class ResultsError(ValueError):
    """A results folder or file that can't be used: one line that says which, what was found and expected."""


class StorageError(OSError):
    """What was measured can't be written: one line that says where and why."""

    def __init__(self, path: Path, error: OSError) -> None:
        super().__init__(f"{path} can't be written: {error.strerror or error}")


class RunsFile:
    """`runs.csv` while a sweep writes it: every row is on disk before the next one is measured.

    What can't be written as a whole isn't written at all: the file always ends with a whole line. resumed:
    go on with the file that is there, after its last whole line, rather than make one.
    """

    def __init__(self, path: Path, knobs: Iterable[str], *, resumed: bool = False) -> None:
        self._path = path
        self._columns = header(knobs)
        self._end = 0
        try:
            self._file = path.open("r+b" if resumed else "xb", buffering=0)
        except FileExistsError as error:
            raise ResultsError(f"{path} was just made by another sweep; name another folder") from error
        except OSError as error:
            raise StorageError(path, error) from error
        try:
            if resumed:
                self._go_on()
            else:
                self._append(self._columns)
        except BaseException:
            self._file.close()
            raise

    def write(self, row: Row) -> None:
        """Append one row and wait until it is on disk; StorageError where that fails."""
        cells = {name: plain(cell[:LONGEST]) for name, cell in row.cells().items()}
        self._append([cells.get(name, "") for name in self._columns])

    def _append(self, cells: list[str]) -> None:
        rest = memoryview(_line(cells))
        # A Ctrl-C meanwhile is answered when the line is whole.
        with interrupts.held():
            try:
                while rest:
                    rest = rest[self._file.write(rest) or 0 :]
                os.fsync(self._file.fileno())
            except OSError as error:
                # Where the disk itself has gone, that fails too.
                with suppress(OSError):
                    self._file.truncate(self._end)
                    self._file.seek(self._end)
                raise StorageError(self._path, error) from error
            self._end = self._file.tell()

    def _go_on(self) -> None:
        content = self._file.read()
        whole = _whole_lines(content)
        if not whole.startswith(_line(self._columns)):
            raise ResultsError(f"{self._path} has other columns than this sweep writes; measure anew")
        self._file.truncate(len(whole))
        self._end = self._file.seek(len(whole))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()


def plain(text: str) -> str:
    """One line of printable characters that no spreadsheet takes for a formula.

    An exception's text comes from outside, and can hold line ends, terminal sequences or a leading `=`.
    """
    line = printable(text)
    return f"'{line}" if line[:1] in ("=", "+", "@") or (line[:1] == "-" and not _is_number(line)) else line


def printable(text: str) -> str:
    """One line of it without control characters: nothing that a terminal obeys."""
    return "".join(c for c in " ".join(text.split()) if c.isprintable())


def read_table(path: Path) -> pd.DataFrame:
    """A file of rows: numbers as numbers, NaN where unknown, and every other cell as its text.

    A last line that isn't whole, as a sweep that was killed may leave one, isn't read. ResultsError says
    what else is wrong.
    """
    frame = _cells(path)
    known = [SCHEMA, *(newer - 1 for newer in ADDED)]
    for newer, columns in ADDED.items():
        if "schema" in frame.columns and set(frame["schema"]) <= {str(older) for older in range(newer)}:
            absent = [name for name in columns if name not in frame.columns]
            frame = frame.assign(**dict.fromkeys(absent, ""))
    missing = [name for name in fixed_columns() if name not in frame.columns]
    if missing:
        raise ResultsError(f"{path} is not a sweep's file: it lacks the columns {', '.join(missing)}")
    if set(frame["schema"]) - {str(schema) for schema in known}:
        found = ", ".join(sorted(set(frame["schema"])))
        reads = ", ".join(map(str, sorted(known)))
        raise ResultsError(f"{path} has schema {found}; this version reads {reads}")
    try:
        numbers = {name: pd.to_numeric(frame[name].replace("", None)) for name in number_columns()}
    except ValueError as error:
        raise ResultsError(f"{path} holds text where a number belongs: {error}") from error
    result: pd.DataFrame = frame.assign(**numbers)
    return result


def _cells(path: Path) -> pd.DataFrame:
    """The whole lines of the file, each cell as its text."""
    try:
        content = path.read_bytes()
    except OSError as error:
        raise ResultsError(
            f"{path} can't be read: {error.strerror}; give a folder that a sweep made"
        ) from error
    if not content:
        raise ResultsError(f"{path} is empty: its sweep ended before it measured anything")
    # Of what others wrote, too, no cell is too long to be read.
    csv.field_size_limit(2**30)
    try:
        lines = list(csv.reader(io.StringIO(_whole_lines(content).decode("utf-8")), strict=True))
    except (UnicodeDecodeError, csv.Error) as error:
        raise ResultsError(f"{path} is not a table: {error}") from error
    if not lines:
        raise ResultsError(f"{path} is not a table: it holds no whole line")
    names, *rows = lines
    if len(set(names)) < len(names):
        raise ResultsError(f"{path} is not a sweep's file: it has several columns of one name")
    for number, row in enumerate(rows, 2):
        if len(row) != len(names):
            raise ResultsError(f"{path}, line {number}: {len(row)} cells instead of {len(names)}")
    # What others wrote could hold anything.
    cells = [[printable(cell) for cell in row] for row in rows]
    frame: pd.DataFrame = pd.DataFrame(cells, columns=pd.Index(names), dtype=str)
    return frame


def _whole_lines(content: bytes) -> bytes:
    """All up to the last end of a line; a power cut may leave zeros after it."""
    return content[: content.rstrip(b"\0").rfind(b"\n") + 1]


def _line(cells: Iterable[str]) -> bytes:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerow(cells)
    return text.getvalue().encode("utf-8")


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
