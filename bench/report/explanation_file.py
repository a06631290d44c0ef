"""Write and read explanation.json. Needs no torch."""

from __future__ import annotations

import json
from pathlib import Path

from bench.analysis.explanation.explanation import Explanation
from bench.records.errors import ResultsError
from bench.records.results_folder import EXPLANATION, write_json
from bench.report.explain.explanation_json import ExplanationFormatError, from_json, to_json


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
    path = folder / EXPLANATION
    try:
        return from_json(json.loads(path.read_text(encoding="utf-8")))
    except OSError as error:
        raise ResultsError(f"{path} can't be read: {error.strerror}; run bench.explain again") from error
    except (ValueError, ExplanationFormatError) as error:
        raise ResultsError(f"{path} is not what bench.explain wrote: {error}") from error


def has_explanation(folder: Path) -> bool:
    """Return True if a results folder holds an explanation."""
    return (folder / EXPLANATION).is_file()
