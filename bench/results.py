"""The results folder: made when a sweep starts, filled row by row, read back without torch."""

from __future__ import annotations

import csv
import json
import os
from collections.abc import Iterable, Mapping
from datetime import datetime, timezone
from pathlib import Path
from types import TracebackType
from typing import Any, TextIO

import pandas as pd
from typing_extensions import Self

from bench.row import ADDED, SCHEMA, Row, fixed_columns, header, number_columns

ROOT = Path("results")
RUNS, LIMITS, SUMMARY = "runs.csv", "limits.csv", "summary.csv"
ENVIRONMENT, LOG = "environment.json", "trials.log"


class ResultsError(ValueError):
    """A results folder or file that can't be used: one line that says which, what was found and expected."""


def folder_for(out: Path | None, name: str) -> Path:
    """The folder of a new sweep: `out`, or results/<UTC time>-<name>."""
    if out is not None:
        return out
    return ROOT / f"{datetime.now(timezone.utc):%Y%m%dT%H%M%SZ}-{name}"


def check_folder(folder: Path) -> None:
    """ResultsError where `folder` can't take a sweep: used, not a folder, or not writable. Makes nothing."""
    try:
        if folder.is_dir():
            if any(folder.iterdir()):
                raise ResultsError(f"{folder} is not empty; name a new folder or an empty one")
        elif folder.exists():
            raise ResultsError(f"{folder} is a file; name a new folder or an empty one")
        nearest = next(parent for parent in (folder, *folder.absolute().parents) if parent.exists())
    except OSError as error:
        raise ResultsError(f"{folder} can't be used: {error.strerror}") from error
    if not nearest.is_dir() or not os.access(nearest, os.W_OK | os.X_OK):
        raise ResultsError(f"{folder} can't be written: {nearest} is not a folder open for writing")


def make_folder(folder: Path) -> None:
    """Make the folder of a sweep; ResultsError where that fails."""
    check_folder(folder)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ResultsError(f"{folder} can't be made: {error.strerror}") from error


class RunsFile:
    """`runs.csv` while a sweep writes it: every row is on disk before the next one is measured."""

    def __init__(self, path: Path, knobs: Iterable[str]) -> None:
        self._columns = header(knobs)
        try:
            self._stream: TextIO = path.open("x", newline="", encoding="utf-8")
        except FileExistsError as error:
            raise ResultsError(f"{path} was just made by another sweep; name another folder") from error
        self._writer = csv.DictWriter(self._stream, self._columns, lineterminator="\n")
        self._writer.writeheader()
        self._flush()

    def write(self, row: Row) -> None:
        """Append one row and wait until it is on disk."""
        self._writer.writerow({name: plain(cell) for name, cell in row.cells().items()})
        self._flush()

    def _flush(self) -> None:
        self._stream.flush()
        os.fsync(self._stream.fileno())

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stream.close()


def write_json(path: Path, values: Mapping[str, Any]) -> None:
    """Write `environment.json`."""
    path.write_text(json.dumps(values, indent=2) + "\n", encoding="utf-8")


def write_csv(path: Path, summary: pd.DataFrame) -> None:
    """Write `summary.csv`: an unknown is an empty cell."""
    summary.to_csv(path, index=False, float_format="%.9g", lineterminator="\n")


def plain(text: str) -> str:
    """One line of printable characters that no spreadsheet takes for a formula.

    An exception's text comes from outside, and can hold line ends, terminal sequences or a leading `=`.
    """
    line = "".join(c for c in " ".join(text.split()) if c.isprintable())
    return f"'{line}" if line[:1] in ("=", "+", "@") or (line[:1] == "-" and not _is_number(line)) else line


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def read_limits(folder: Path) -> pd.DataFrame | None:
    """`limits.csv` of a folder, read as `runs.csv` is; None where there is none."""
    return read_runs(folder, LIMITS) if (folder / LIMITS).exists() else None


def read_runs(folder: Path, name: str = RUNS) -> pd.DataFrame:
    """`runs.csv` of a folder: numbers as numbers, NaN where unknown, and every other cell as its text."""
    path = folder / name
    try:
        frame = pd.read_csv(path, dtype=str, keep_default_na=False, encoding="utf-8")
    except OSError as error:
        raise ResultsError(
            f"{path} can't be read: {error.strerror}; give a folder that a sweep made"
        ) from error
    except (ValueError, pd.errors.ParserError) as error:
        raise ResultsError(f"{path} is not a table: {error}") from error
    known = [SCHEMA, *(newer - 1 for newer in ADDED)]
    for newer, columns in ADDED.items():
        if "schema" in frame.columns and set(frame["schema"]) <= {str(older) for older in range(newer)}:
            frame = frame.assign(**dict.fromkeys(columns, ""))
    missing = [name for name in fixed_columns() if name not in frame.columns]
    if missing:
        raise ResultsError(f"{path} is not a sweep's file: it lacks the columns {', '.join(missing)}")
    if set(frame["schema"]) - {str(schema) for schema in known}:
        found = ", ".join(sorted(set(frame["schema"])))
        reads = " and ".join(map(str, sorted(known)))
        raise ResultsError(f"{path} has schema {found}; this version reads {reads}")
    try:
        numbers = {name: pd.to_numeric(frame[name].replace("", None)) for name in number_columns()}
    except ValueError as error:
        raise ResultsError(f"{path} holds text where a number belongs: {error}") from error
    result: pd.DataFrame = frame.assign(**numbers)
    return result


def knob_columns(frame: pd.DataFrame) -> list[str]:
    """The knobs of a table of runs, in its order: the columns that not every results file has."""
    fixed = set(fixed_columns())
    return [name for name in frame.columns if name not in fixed]
