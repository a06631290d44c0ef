"""The folder in which a sweep of a target was started, for a sweep that is resumed elsewhere."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bench.records.results_folder import read_environment
from bench.workloads.target.target import TargetError


def find_start(resumed: Path | None) -> Path:
    """Return the folder in which relative paths of a target and of its code begin.

    Args:
        resumed: results folder of the sweep that is resumed; None for a new sweep.

    Returns:
        The folder that the results folder records, if it is there; else the current one.

    Raises:
        ResultsError: the results folder holds no environment.json of a sweep.
    """
    if resumed is None:
        return Path.cwd()
    recorded = read_environment(resumed).get("dataset", {}).get("folder")
    # A path through a link to the results folder begins behind the link, as the file system sees it.
    place = Path(os.path.realpath(resumed)) / recorded if isinstance(recorded, str) else None
    return place.resolve() if place is not None and place.is_dir() else Path.cwd()


@contextmanager
def hint_at_start(resumed: Path | None) -> Iterator[None]:
    """Say in an error of a sweep that is resumed that its place matters.

    Args:
        resumed: results folder of the sweep that is resumed; None for a new sweep.

    Raises:
        TargetError: the target isn't there, with that hint.
    """
    try:
        yield
    except TargetError as error:
        if resumed is None:
            raise
        raise TargetError(
            f"{error}; resume in the folder in which the sweep was started"
        ) from error.__cause__
