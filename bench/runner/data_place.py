"""The place of a sweep's data as environment.json records it, for a sweep that is resumed elsewhere."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from bench.records.errors import ResultsError
from loaders.data.errors import DataError
from loaders.data.files_choice import choose_files


def record_data(data_dir: Path, folder: Path) -> str | None:
    """Return the path from a results folder to the folder of the data, as environment.json holds it.

    A results folder can be shown around: the path holds no name that `data_dir` doesn't hold itself.

    Args:
        data_dir: folder of the data as it was given.
        folder: results folder.

    Returns:
        Relative path with `/`; None where `data_dir` is absolute or where the path would tell more than it.
    """
    if data_dir.is_absolute():
        return None
    try:
        between = Path(os.path.relpath(data_dir, folder))
    except ValueError:  # two drives of Windows
        return None
    names, given = ([part for part in path.parts if part != ".."] for path in (between, data_dir))
    known = names == given[len(given) - len(names) :] if names else True
    return between.as_posix() if known else None


def find_recorded_data(folder: Path, environment: Mapping[str, Any], given: Path) -> Path:
    """Return the folder of the data of a sweep that is resumed, wherever that is done.

    Args:
        folder: results folder.
        environment: content of its environment.json.
        given: folder of the data as the recorded command names it.

    Raises:
        ResultsError: no such folder is there. Nothing is downloaded or drawn again in its place.
    """
    dataset = environment.get("dataset", {})
    recorded = dataset.get("folder")
    places = [folder / recorded] if isinstance(recorded, str) else []
    name = str(dataset.get("name", ""))
    for place in (*places, given):
        if _holds(place, name):
            return place
    raise ResultsError(
        f"{folder} was measured on {name or 'data'} in {given}, which is not there; say with "
        "--data-dir where they lie now"
    )


def _holds(place: Path, name: str) -> bool:
    """Return whether data of that name may lie in a folder. `locate` checks every byte of them."""
    if name.startswith("synthetic:"):
        return (place / name.replace(":", "-")).is_dir()
    try:
        return choose_files(place, fashion_only=False) is not None
    except DataError:
        # Something lies there, and `locate` says what is wrong with it.
        return True
