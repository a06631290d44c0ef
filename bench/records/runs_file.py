"""RunsFile: a file of rows while a sweep writes it, whole line by whole line."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from bench.records.csv_file import CsvFile
from bench.records.row import Row, make_header


class RunsFile(CsvFile):
    """A file of rows while a sweep writes it, such as `runs.csv`.

    Every row is on disk before the next one is measured.

    Args:
        path: the file.
        knobs: names of the columns of the loader's knobs.
        resumed: go on after the last whole line of the existing file; otherwise make a new file.

    Raises:
        ResultsError: the file exists already, or has other columns where it is resumed.
        StorageError: the file can't be opened or written.
    """

    def __init__(self, path: Path, knobs: Iterable[str], *, resumed: bool = False) -> None:
        super().__init__(path, make_header(knobs), resumed=resumed)

    def write(self, row: Row) -> None:
        """Append one row and wait until it is on disk.

        Raises:
            StorageError: the row can't be written.
        """
        self.write_lines([row.cells()])
