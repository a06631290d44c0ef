"""The results folder: made when a sweep starts, filled row by row, read back without torch."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import pandas as pd

from bench.records.errors import ResultsError, StorageError
from bench.records.row import list_fixed_columns
from bench.records.table_reader import read_table

ROOT = Path("results")
RUNS, CEILINGS, DEVICE, SUMMARY = "runs.csv", "ceilings.csv", "device.csv", "summary.csv"
# What schemas before 6 call ceilings.csv.
LIMITS = "limits.csv"
# Of what environment.json is made, as far as others read it.
PARTS = {"dataset": dict, "machine": dict, "versions": dict, "torch": dict, "sweep": dict, "resumed": list}
ENVIRONMENT, LOG = "environment.json", "trials.log"


def name_folder(out: Path | None, name: str) -> Path:
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


@contextmanager
def lock_folder(folder: Path) -> Iterator[None]:
    """Keep other sweeps out of the folder; ResultsError where one is at work in it.

    The system lets go of it when the process ends, however it ends.
    """
    try:
        import fcntl
    except ImportError:
        # Two new sweeps are told apart by who makes runs.csv.
        yield
        return
    # The folder itself: a file for it would be left behind.
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise ResultsError(f"{folder} is in use by another sweep; wait for it or name another") from None
        except OSError:
            # Some network file systems have no locks.
            pass
        yield
    finally:
        os.close(descriptor)


def write_json(path: Path, values: Mapping[str, Any]) -> None:
    """Write `environment.json`, as a whole or not at all; StorageError where it can't be."""
    write_atomically(path, f"{json.dumps(values, indent=2)}\n".encode())


def write_csv(path: Path, summary: pd.DataFrame) -> None:
    """Write `summary.csv`, as a whole or not at all: an unknown is an empty cell."""
    write_atomically(path, summary.to_csv(index=False, float_format="%.9g", lineterminator="\n").encode())


def write_atomically(path: Path, content: bytes) -> None:
    """Replace a file by one that is on disk already, so that it never stands there half; StorageError."""
    # Always the same name: what a killed sweep left is replaced by the next one.
    making = path.with_name(f".{path.name}.new")
    try:
        with making.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        making.replace(path)
    except OSError as error:
        with suppress(OSError):
            making.unlink()
        raise StorageError(path, error) from error


def read_ceilings(folder: Path) -> pd.DataFrame | None:
    """`ceilings.csv` of a folder, read as `runs.csv` is; None where there is none."""
    for name in (CEILINGS, LIMITS):
        if has_header(folder, name):
            return read_runs(folder, name)
    return None


def read_device(folder: Path) -> pd.DataFrame | None:
    """`device.csv` of a folder, likewise."""
    return read_runs(folder, DEVICE) if has_header(folder, DEVICE) else None


def has_header(folder: Path, name: str) -> bool:
    """Whether that file of the folder holds as much as its header."""
    path = folder / name
    return path.exists() and b"\n" in path.read_bytes()


def read_runs(folder: Path, name: str = RUNS) -> pd.DataFrame:
    """`runs.csv` of a folder, as `runs_file.read_table` reads it."""
    return read_table(folder / name)


def read_environment(folder: Path) -> dict[str, Any]:
    """`environment.json` of a folder; ResultsError where there is none that a sweep wrote."""
    path = folder / ENVIRONMENT
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
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


def find_knob_columns(frame: pd.DataFrame) -> list[str]:
    """The knobs of a table of runs, in its order: the columns that not every results file has."""
    fixed = set(list_fixed_columns())
    return [name for name in frame.columns if name not in fixed]
