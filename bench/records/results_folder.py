"""Results folder: made when a sweep starts, filled row by row, read back without torch."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import pandas as pd

from bench.records.csv_cells import has_line_end
from bench.records.durable_write import write_atomically
from bench.records.errors import ResultsError
from bench.records.table_reader import read_table

ROOT = Path("results")
RUNS, CEILINGS, DEVICE, SUMMARY = "runs.csv", "ceilings.csv", "device.csv", "summary.csv"
# The name of ceilings.csv before schema 6.
LIMITS = "limits.csv"
# The parts of environment.json that this program reads back, and their types.
PARTS = {"dataset": dict, "machine": dict, "versions": dict, "torch": dict, "sweep": dict, "resumed": list}
ENVIRONMENT, CONFIG, LOG = "environment.json", "config.toml", "trials.log"
# Files of an explanation.
CONCLUSION, PICTURES = "conclusion.json", "pictures.json"
LADDER, BATCHES, EXPLANATION = "ladder.csv", "batches.csv", "explanation.json"
# File of a tuning.
TUNING = "tuning.json"


def name_folder(out: Path | None, name: str) -> Path:
    """Return the folder of a new sweep: `out`, or results/<UTC time>-<name>."""
    if out is not None:
        return out
    return ROOT / f"{datetime.now(timezone.utc):%Y%m%dT%H%M%SZ}-{name}"


def check_folder(folder: Path) -> None:
    """Check that a folder can take a new sweep, without making it.

    Raises:
        ResultsError: the folder is in use, is a file, or can't be written.
    """
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
    """Make the folder of a new sweep.

    Raises:
        ResultsError: the folder can't take a sweep, or can't be made.
    """
    check_folder(folder)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ResultsError(f"{folder} can't be made: {error.strerror}") from error


@contextmanager
def lock_folder(folder: Path) -> Iterator[None]:
    """Keep other sweeps out of a folder while the body runs.

    The lock ends with the process, however it ends. A file system without locks gives none. There, two new
    sweeps still exclude each other, since only one of them can make runs.csv.

    Raises:
        ResultsError: another sweep uses the folder, or it can't be opened.
    """
    try:
        import fcntl
    except ImportError:
        yield
        return
    try:
        # The folder itself is locked: a lock file would be left behind.
        descriptor = os.open(folder, os.O_RDONLY)
    except OSError as error:
        raise ResultsError(f"{folder} can't be opened: {error.strerror}") from error
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise ResultsError(f"{folder} is in use by another sweep; wait for it or name another") from None
        except OSError:
            # The file system has no locks.
            pass
        yield
    finally:
        os.close(descriptor)


def write_json(path: Path, values: Mapping[str, Any]) -> None:
    """Write a JSON file as a whole or not at all.

    Raises:
        StorageError: the file can't be written.
    """
    write_atomically(path, f"{json.dumps(values, indent=2)}\n".encode())


def write_text(path: Path, text: str) -> None:
    """Write a text file as a whole or not at all.

    Raises:
        StorageError: the file can't be written.
    """
    # A path may hold bytes that are no letters.
    write_atomically(path, text.encode(errors="backslashreplace"))


def write_csv(path: Path, summary: pd.DataFrame) -> None:
    """Write a summary as a whole or not at all. An unknown is an empty cell.

    Raises:
        StorageError: the file can't be written.
    """
    write_atomically(path, summary.to_csv(index=False, float_format="%.9g", lineterminator="\n").encode())


def read_ceilings(folder: Path) -> pd.DataFrame | None:
    """Read the rows of a folder's `ceilings.csv`, or of an older folder's `limits.csv`.

    Returns:
        None where there is no such file.

    Raises:
        ResultsError: the file isn't one of a sweep.
    """
    for name in (CEILINGS, LIMITS):
        if has_header(folder, name):
            return read_runs(folder, name)
    return None


def read_device(folder: Path) -> pd.DataFrame | None:
    """Read the rows of a folder's `device.csv`.

    Returns:
        None where there is no such file.

    Raises:
        ResultsError: the file isn't one of a sweep.
    """
    return read_runs(folder, DEVICE) if has_header(folder, DEVICE) else None


def has_header(folder: Path, name: str) -> bool:
    """Return True if a file of the folder exists and holds at least its header.

    Raises:
        ResultsError: it exists and can't be read.
    """
    path = folder / name
    try:
        return path.exists() and has_line_end(path.read_bytes())
    except OSError as error:
        raise ResultsError(f"{path} can't be read: {error.strerror}") from error


def read_runs(folder: Path, name: str = RUNS) -> pd.DataFrame:
    """Read the rows of a folder's `runs.csv`, or of another file of rows in it.

    Raises:
        ResultsError: the file can't be read, or isn't one of a sweep.
    """
    return read_table(folder / name)


def read_environment(folder: Path) -> dict[str, Any]:
    """Read the `environment.json` of a folder.

    Raises:
        ResultsError: there is none, or a sweep didn't write it.
    """
    path = folder / ENVIRONMENT
    try:
        # An editor may have put a byte-order mark before it.
        values = json.loads(path.read_text(encoding="utf-8-sig"))
    except OSError as error:
        raise ResultsError(
            f"{path} can't be read: {error.strerror}; give a folder that a sweep made"
        ) from error
    except ValueError as error:
        raise ResultsError(f"{path} is not what a sweep wrote: {error}") from error
    if not isinstance(values, dict):
        raise ResultsError(f"{path} is not what a sweep wrote: it holds no object")
    for name, kind in PARTS.items():
        if not isinstance(values.get(name, kind()), kind):
            raise ResultsError(f"{path} is not what a sweep wrote: {name} is {values[name]!r}")
    return values
