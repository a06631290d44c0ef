"""CsvFile: a table while a command writes it, whole line by whole line."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType

from typing_extensions import Self

from bench.process import interrupts
from bench.records.csv_cells import read_cells
from bench.records.csv_lines import encode_line, escape_cell, keep_whole_lines
from bench.records.durable_write import sync_to_disk
from bench.records.errors import ResultsError, StorageError

# A longer cell holds an exception's text, of which the beginning is enough.
MAX_CELL_LETTERS = 10_000


class CsvFile:
    """A table while a command writes it.

    Lines that are written at once are on disk before anything else is measured. They are written as a whole
    or not at all, so the file always ends with a whole line.

    Args:
        path: the file.
        columns: names of its columns.
        resumed: go on after the last whole line of the existing file; otherwise make a new file.

    Raises:
        ResultsError: the file exists already, or has other columns where it is resumed.
        StorageError: the file can't be opened or written.
    """

    def __init__(self, path: Path, columns: Sequence[str], *, resumed: bool = False) -> None:
        self._path = path
        self._columns = columns
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
                self._append(encode_line(columns))
        except BaseException:
            self._file.close()
            raise

    def write_lines(self, lines: Iterable[Mapping[str, str]]) -> None:
        """Append lines and wait until they are on disk.

        Args:
            lines: cells by the names of their columns. A column without one is empty.

        Raises:
            StorageError: they can't be written.
        """
        self._append(b"".join(map(self._encode, lines)))

    def _encode(self, line: Mapping[str, str]) -> bytes:
        cells = {name: escape_cell(cell[:MAX_CELL_LETTERS]) for name, cell in line.items()}
        return encode_line([cells.get(name, "") for name in self._columns])

    def _append(self, content: bytes) -> None:
        rest = memoryview(content)
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
            same = read_cells(self._path).names == list(self._columns)
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
