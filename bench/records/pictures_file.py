"""Write and read pictures.json: a few samples of a sweep, as they were delivered. Needs no torch."""

from __future__ import annotations

import base64
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from bench.records.delivered_pictures import DeliveredPictures, SamplePicture
from bench.records.errors import ResultsError
from bench.records.results_folder import PICTURES, write_json


def write_pictures(folder: Path, delivered: DeliveredPictures, names: Sequence[str] = ()) -> Path:
    """Write pictures.json into a results folder, as a whole or not at all.

    Args:
        folder: the results folder.
        delivered: the samples.
        names: names of the classes, by their numbers; default none.

    Returns:
        Path of the file.

    Raises:
        StorageError: the file can't be written.
    """
    path = folder / PICTURES
    write_json(
        path,
        {
            "configuration": delivered.configuration,
            "shape": delivered.shape,
            "dtype": delivered.dtype,
            "low": delivered.low,
            "high": delivered.high,
            "pictures": [
                {"label": _name(one.label, names), "png": base64.b64encode(one.png).decode()}
                for one in delivered.pictures
            ],
        },
    )
    return path


def read_pictures(folder: Path) -> DeliveredPictures | None:
    """Read the pictures of a results folder; None where there are none.

    Raises:
        ResultsError: the file can't be read, or a sweep didn't write it.
    """
    path = folder / PICTURES
    try:
        found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        pictures = tuple(
            SamplePicture(base64.b64decode(one["png"], validate=True), str(one["label"]))
            for one in found["pictures"]
        )
        number = found["configuration"]
        return DeliveredPictures(
            pictures,
            str(found["shape"]),
            str(found["dtype"]),
            float(found["low"]),
            float(found["high"]),
            None if number is None else int(number),
        )
    except FileNotFoundError:
        return None
    except OSError as error:
        raise ResultsError(f"{path} can't be read: {error.strerror}") from error
    except (ValueError, TypeError, KeyError) as error:
        raise ResultsError(f"{path} is not what a sweep wrote: {error!r}; delete it") from error


def _name(label: str, names: Sequence[str]) -> str:
    """Return the name of a class; its number where it has none."""
    return names[int(label)] if label.isdecimal() and int(label) < len(names) else label
