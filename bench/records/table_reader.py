"""Read a file of rows back, as a table."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import pandas as pd

from bench.records.csv_lines import keep_whole_lines
from bench.records.errors import ResultsError
from bench.records.row import ADDED, RENAMED_CELLS, RENAMED_COLUMNS, SCHEMA, list_fixed_columns, list_number_columns
from bench.text import printable


def read_table(path: Path) -> pd.DataFrame:
    """A file of rows: numbers as numbers, NaN where unknown, and every other cell as its text.

    A last line that isn't whole, as a sweep that was killed may leave one, isn't read. ResultsError says
    what else is wrong.
    """
    frame = rename_columns(_cells(path))
    known = [SCHEMA, *(newer - 1 for newer in ADDED)]
    for newer, columns in ADDED.items():
        if "schema" in frame.columns and set(frame["schema"]) <= {str(older) for older in range(newer)}:
            absent = [name for name in columns if name not in frame.columns]
            frame = frame.assign(**dict.fromkeys(absent, ""))
    missing = [name for name in list_fixed_columns() if name not in frame.columns]
    if missing:
        raise ResultsError(f"{path} is not a sweep's file: it lacks the columns {', '.join(missing)}")
    if set(frame["schema"]) - {str(schema) for schema in known}:
        found = ", ".join(sorted(set(frame["schema"])))
        reads = ", ".join(map(str, sorted(known)))
        raise ResultsError(f"{path} has schema {found}; this version reads {reads}")
    try:
        numbers = {name: pd.to_numeric(frame[name].replace("", None)) for name in list_number_columns()}
    except ValueError as error:
        raise ResultsError(f"{path} holds text where a number belongs: {error}") from error
    result: pd.DataFrame = frame.assign(**numbers)
    return result


def rename_columns(frame: pd.DataFrame) -> pd.DataFrame:
    """Give the columns and cells of an older schema the names of this one."""
    known = set(frame.columns)
    names = {old: new for old, new in RENAMED_COLUMNS.items() if new not in known}
    frame = frame.rename(columns=names)
    for column, cells in RENAMED_CELLS.items():
        if column in frame.columns:
            frame = frame.assign(**{column: frame[column].replace(cells)})
    return frame


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
        lines = list(csv.reader(io.StringIO(keep_whole_lines(content).decode("utf-8")), strict=True))
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
