"""Durable writes: content that is on disk before the program goes on."""

from __future__ import annotations

import errno
import os
from contextlib import suppress
from pathlib import Path

from bench.records.errors import StorageError

# Some network and user-space file systems have no fsync. The data is written there all the same.
NO_FSYNC = frozenset({errno.EINVAL, errno.ENOSYS, errno.EOPNOTSUPP, errno.ENOTSUP})


def sync_to_disk(descriptor: int) -> None:
    """Wait until a file is on disk, where its file system can tell.

    Raises:
        OSError: the disk is full or broken.
    """
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno not in NO_FSYNC:
            raise


def write_atomically(path: Path, content: bytes, mode: int | None = None) -> None:
    """Write a file as a whole or not at all, so that a reader never finds half of it.

    Args:
        path: the file.
        content: its new bytes.
        mode: its permission bits; default None for those of a new file.

    Raises:
        StorageError: the file can't be written. The one before it stays as it was.
    """
    # The name is always the same, so that the next sweep replaces what a killed one left.
    draft = path.with_name(f".{path.name}.new")
    try:
        with draft.open("wb") as file:
            if mode is not None:
                draft.chmod(mode)
            file.write(content)
            file.flush()
            sync_to_disk(file.fileno())
        _replace(draft, path)
    except OSError as error:
        with suppress(OSError):
            draft.unlink()
        raise StorageError(path, error) from error


def _replace(draft: Path, path: Path) -> None:
    try:
        draft.replace(path)
    except FileExistsError:
        # Some network file systems don't rename over an existing file.
        path.unlink()
        draft.replace(path)
