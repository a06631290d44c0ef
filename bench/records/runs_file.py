"""RunsFile: a file of rows while a sweep writes it, whole line by whole line."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from types import TracebackType

from typing_extensions import Self

from bench.process import interrupts
from bench.records.csv_cells import read_cells
from bench.records.csv_lines import encode_line, escape_cell, keep_whole_lines
from bench.records.durable_write import sync_to_disk
from bench.records.errors import ResultsError, StorageError
from bench.records.row import Row, make_header

# A longer cell holds an exception's text, of which the beginning is enough.
MAX_CELL_LETTERS = 10_000


class RunsFile:
    """A file of rows while a sweep writes it, such as `runs.csv`.

    Every row is on disk before the next one is measured. A row is written as a whole or not at all, so the
    file always ends with a whole line.

    Args:
        path: the file.
        knobs: names of the columns of the loader's knobs.
        resumed: go on after the last whole line of the existing file; otherwise make a new file.

    Raises:
        ResultsError: the file exists already, or has other columns where it is resumed.
        StorageError: the file can't be opened or written.
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
        """Append one row and wait until it is on disk.

        Raises:
            StorageError: the row can't be written.
        """
        cells = {name: escape_cell(cell[:MAX_CELL_LETTERS]) for name, cell in row.cells().items()}
        self._append([cells.get(name, "") for name in self._columns])

    def _append(self, cells: list[str]) -> None:
        rest = memoryview(encode_line(cells))
        # A Ctrl-C waits until the line is whole.
        with interrupts.hold():
            try:
                while rest:
                    rest = rest[self._file.write(rest) or 0 :]
                sync_to_disk(self._file.fileno())
            except OSError as error:
                # On a disk that has gone, this fails as well.
                with suppress(OSError):
                    self._file.truncate(self._end)
                    self._file.seek(self._end)
                raise StorageError(self._path, error) from error
            self._end = self._file.tell()

    def _go_on(self) -> None:
        content = self._file.read()
        whole = keep_whole_lines(content)
        if not whole.startswith(encode_line(self._columns)):
            same = read_cells(self._path).names == self._columns
            found = "was rewritten by another program" if same else "has other columns than this sweep writes"
            raise ResultsError(f"{self._path} {found}; start a new sweep")
        self._file.truncate(len(whole))
        self._end = self._file.seek(len(whole))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()
