"""Write and read tuning.json. Needs no torch."""

from __future__ import annotations

from pathlib import Path

from bench.analysis.tuning.tuning import Tuning
from bench.records.results_folder import TUNING, write_json
from bench.report.json_reader import read_json_file
from bench.report.tune.tuning_json import from_json, to_json


def write_tuning(folder: Path, tuning: Tuning) -> Path:
    """Write a tuning into a results folder, as a whole or not at all.

    Returns:
        Path of the file.

    Raises:
        StorageError: the file can't be written.
    """
    path = folder / TUNING
    write_json(path, to_json(tuning))
    return path


def read_tuning(folder: Path) -> Tuning:
    """Read the tuning of a results folder.

    Raises:
        ResultsError: there is none, or it is of another version of this program.
    """
    return read_json_file(folder / TUNING, from_json, "bench.tune")


def has_tuning(folder: Path) -> bool:
    """Return True if a results folder holds a tuning."""
    return (folder / TUNING).is_file()
