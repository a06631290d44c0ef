"""Search path: the folders in which this process looks for modules."""

from __future__ import annotations

import sys
from importlib.machinery import PathFinder
from pathlib import Path

# The folder that our packages lie in. Not resolved: a package may be a link into another folder.
OWN_FOLDER = Path(__file__).absolute().parents[2]
PACKAGES = ("bench", "loaders", "model")


def is_own_folder(entry: str) -> bool:
    """Return whether an entry of `sys.path` is the folder that our packages lie in."""
    try:
        return Path(entry).samefile(OWN_FOLDER)
    except OSError:
        return False


def prefer_own_packages() -> None:
    """Move the folders that hide one of our packages behind our own folder, in `sys.path`.

    `python -m` looks in the current folder first, where a user's model.py or loaders.py may lie.
    multiprocessing hands `sys.path` down to the processes that this one starts.
    """
    own = next((place for place, entry in enumerate(sys.path) if is_own_folder(entry)), len(sys.path))
    hiding = [entry for entry in sys.path[:own] if _hides_package(entry)]
    if hiding:
        others = [entry for entry in sys.path[:own] if entry not in hiding]
        sys.path[:] = [
            *others,
            *(sys.path[own : own + 1] or [str(OWN_FOLDER)]),
            *hiding,
            *sys.path[own + 1 :],
        ]


def _hides_package(entry: str) -> bool:
    specs = (PathFinder.find_spec(package, [entry]) for package in PACKAGES)
    # A folder without __init__.py hides nothing: Python prefers a package that lies further back.
    return any(spec is not None and spec.loader is not None for spec in specs)
