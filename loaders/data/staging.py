"""A temporary folder in which files are put together before one rename shows them."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path


@contextmanager
def staging_folder(parent: Path, prefix: str) -> Iterator[Path]:
    """Make a temporary folder in `parent`, and delete it at the end.

    `parent` and the folders above it are made where they are missing. Those are deleted too where nothing
    lies in them at the end, so that a failure leaves nothing behind.

    Args:
        parent: folder on the file system of the files' last place.
        prefix: beginning of the temporary folder's name.
    """
    missing = [folder for folder in (parent, *parent.parents) if not folder.exists()]
    try:
        parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=prefix, dir=parent) as temporary:
            yield Path(temporary)
    finally:
        for folder in missing:
            with suppress(OSError):
                folder.rmdir()
