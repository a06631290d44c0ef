"""The folder that a user gives for the data: whether it is there, and which one may be meant."""

from __future__ import annotations

import difflib
from pathlib import Path

from loaders.data.errors import DataError

# Folder that is made where none is given.
DEFAULT = Path("data")


def check_exists(data_dir: Path) -> None:
    """Check that a folder exists in which data are looked for.

    A folder that isn't there may be a slip of the pen. Other data would be measured in silence.

    Args:
        data_dir: folder that was given. The default one may be missing.

    Raises:
        DataError: it doesn't exist. The error names the nearest one that does, and how to begin a new one.
    """
    if data_dir == DEFAULT or data_dir.exists():
        return
    nearest = _find_nearest(data_dir)
    meant = "" if nearest is None else f", did you mean {nearest}?"
    raise DataError(
        f"--data-dir {data_dir} doesn't exist{meant or '.'} To begin a new folder, --dataset fashion-mnist "
        "downloads into it, and --dataset synthetic draws pictures"
    )


def _find_nearest(data_dir: Path) -> Path | None:
    """Return the existing path of which one name differs a little; None where there is none."""
    missing = data_dir
    while not missing.parent.exists() and missing != missing.parent:
        missing = missing.parent
    try:
        names = [path.name for path in missing.parent.iterdir() if path.is_dir()]
    except OSError:
        return None
    found = difflib.get_close_matches(missing.name, names, n=1)
    if not found:
        return None
    nearest = missing.parent / found[0]
    whole = nearest / data_dir.relative_to(missing)
    return whole if whole.exists() else nearest
