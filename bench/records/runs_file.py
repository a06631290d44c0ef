"""RunsFile: `runs.csv` while a sweep writes it, whole line by whole line; and such a file read back."""

from __future__ import annotations

import os
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from types import TracebackType

from typing_extensions import Self

from bench.process import interrupts
from bench.records.csv_lines import encode_line, escape_cell, keep_whole_lines
from bench.records.errors import ResultsError, StorageError
from bench.records.row import Row, make_header

# A cell that is longer holds nothing that was measured.
MAX_CELL_LETTERS = 10_000


class RunsFile:
    """`runs.csv` while a sweep writes it: every row is on disk before the next one is measured.

    What can't be written as a whole isn't written at all: the file always ends with a whole line. resumed:
    go on with the file that is there, after its last whole line, rather than make one.
    """

    def __init__(self, path: Path, knobs: Iterable[str], *, resumed: bool = False) -> None:
        self._path = path
        self._columns = make_header(knobs)
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
        cells = {name: escape_cell(cell[:MAX_CELL_LETTERS]) for name, cell in row.cells().items()}
        self._append([cells.get(name, "") for name in self._columns])

    def _append(self, cells: list[str]) -> None:
        rest = memoryview(encode_line(cells))
        # A Ctrl-C meanwhile is answered when the line is whole.
        with interrupts.hold():
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
        whole = keep_whole_lines(content)
        if not whole.startswith(encode_line(self._columns)):
            raise ResultsError(f"{self._path} has other columns than this sweep writes; measure anew")
        self._file.truncate(len(whole))
        self._end = self._file.seek(len(whole))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()
