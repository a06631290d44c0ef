"""The cache folder: the place of conversions where the folder of the data is read-only."""

from __future__ import annotations

import os
from pathlib import Path


def find_cache_folder() -> Path | None:
    """Return `loaderbench` in XDG_CACHE_HOME or in `~/.cache`; None where there is no such place to write.

    The folder isn't made.
    """
    try:
        cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "loaderbench"
    except RuntimeError:  # no home
        return None
    return cache if can_write(cache) else None


def can_write(folder: Path) -> bool:
    """Return whether this user may write to a folder, or make it where it is missing."""
    existing = next((place for place in (folder, *folder.parents) if place.exists()), folder)
    return existing.is_dir() and os.access(existing, os.W_OK | os.X_OK)
