"""A mapped file on file systems that can do less than others."""

import errno
import os

import pytest
import torch

from loaders.data.mapped_file import MappedFile


@pytest.fixture
def file(tmp_path):
    (tmp_path / "values").write_bytes(bytes(range(64)))
    return MappedFile(tmp_path / "values")


def failing(code):
    def fsync(descriptor):
        raise OSError(code, os.strerror(code))

    return fsync


@pytest.mark.parametrize("code", [errno.EINVAL, errno.ENOSYS, errno.EOPNOTSUPP])
def test_file_system_without_fsync(file, monkeypatch, code):
    """The file is dropped as far as possible, and still read right."""
    monkeypatch.setattr(os, "fsync", failing(code))
    file.drop()
    assert file.tensor(torch.uint8, (60,), 4).tolist() == list(range(4, 64))


def test_disk_that_fails(file, monkeypatch):
    """An error of the disk is reported."""
    monkeypatch.setattr(os, "fsync", failing(errno.EIO))
    with pytest.raises(OSError, match="Input/output error"):
        file.drop()


def test_tensor_keeps_the_file_mapped(tmp_path):
    """A view outlives its MappedFile, and writes to it don't reach the file."""
    (tmp_path / "values").write_bytes(bytes(8))
    view = MappedFile(tmp_path / "values").tensor(torch.uint8, (2, 4))
    view[1, 3] = 5
    assert view.sum() == 5
    assert (tmp_path / "values").read_bytes() == bytes(8)
