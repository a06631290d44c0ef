"""Files that are written as a whole, on file systems of all kinds."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from bench.records.durable_write import write_atomically
from bench.records.errors import StorageError


def fails(number: int):
    def fail(*_: object) -> None:
        raise OSError(number, os.strerror(number))

    return fail


@pytest.mark.parametrize("number", [errno.EINVAL, errno.ENOSYS, errno.EOPNOTSUPP, errno.ENOTSUP])
def test_a_file_system_without_fsync_is_written(tmp_path, monkeypatch, number) -> None:
    """The data is there all the same."""
    monkeypatch.setattr(os, "fsync", fails(number))
    write_atomically(tmp_path / "a", b"text")
    assert (tmp_path / "a").read_bytes() == b"text"


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EIO, errno.EDQUOT])
def test_a_full_or_broken_disk_is_one_line(tmp_path, monkeypatch, number) -> None:
    """The file before stays, and nothing is left beside it."""
    path = tmp_path / "a"
    write_atomically(path, b"before")
    monkeypatch.setattr(os, "fsync", fails(number))
    with pytest.raises(StorageError, match=f"a can't be written: {os.strerror(number)}$"):
        write_atomically(path, b"after")
    assert path.read_bytes() == b"before"
    assert list(tmp_path.iterdir()) == [path]


def test_a_file_system_that_never_renames_over_a_file(tmp_path, monkeypatch) -> None:
    """The file before is removed first."""
    rename = os.rename
    monkeypatch.setattr(
        Path, "replace", lambda self, to: fails(errno.EEXIST)() if to.exists() else rename(self, to)
    )
    for text in (b"before", b"after"):
        write_atomically(tmp_path / "a", text)
    assert (tmp_path / "a").read_bytes() == b"after"
    assert list(tmp_path.iterdir()) == [tmp_path / "a"]


def test_a_read_only_file_system_is_one_line(tmp_path, monkeypatch) -> None:
    """Nothing can be made there."""
    monkeypatch.setattr(Path, "open", fails(errno.EROFS))
    with pytest.raises(StorageError, match=f"a can't be written: {os.strerror(errno.EROFS)}$"):
        write_atomically(tmp_path / "a", b"text")
