"""Write and read explanation.json. Needs no torch."""

from __future__ import annotations

from pathlib import Path

from bench.analysis.explanation.explanation import Explanation
from bench.records.results_folder import EXPLANATION, write_json
from bench.report.explain.explanation_json import from_json, to_json
from bench.report.json_reader import read_json_file


def write_explanation(folder: Path, explanation: Explanation) -> Path:
    """Write an explanation into a results folder, as a whole or not at all.

    Returns:
        Path of the file.

    Raises:
        StorageError: the file can't be written.
    """
    path = folder / EXPLANATION
    write_json(path, to_json(explanation))
    return path


def read_explanation(folder: Path) -> Explanation:
    """Read the explanation of a results folder.

    Raises:
        ResultsError: there is none, or it is of another version of this program.
    """
    return read_json_file(folder / EXPLANATION, from_json, "bench.explain")


def has_explanation(folder: Path) -> bool:
    """Return True if a results folder holds an explanation."""
    return (folder / EXPLANATION).is_file()
