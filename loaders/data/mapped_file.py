"""MappedFile: a file mapped into memory, with advice to the system on how it will be read."""

from __future__ import annotations

import ctypes
import errno
import functools
import mmap
import os
from contextlib import suppress
from math import prod
from pathlib import Path

import numpy as np
import torch

# Numbers of Linux that Python's mmap lacks: <asm-generic/mman.h>.
_MAP_NORESERVE = 0x4000
_MADV_POPULATE_READ = 22
_PIECE_BYTES = 32 << 20
# Errors of fsync on a file system that doesn't have it.
_NO_FSYNC = (errno.EINVAL, errno.ENOSYS, errno.EOPNOTSUPP)


class MappedFile:
    """A file mapped into memory. It may be larger than memory.

    Its pages belong to the page cache of the system, and all processes share them. A page that this process
    writes to becomes its own; the file stays unchanged.

    Attributes:
        size: size in bytes.
    """

    def __init__(self, path: Path) -> None:
        """Map a file without reading it. Raises OSError where it can't be mapped."""
        with path.open("rb") as file:
            self._descriptor = os.dup(file.fileno())
        self.size = os.fstat(self._descriptor).st_size
        if hasattr(mmap, "MADV_RANDOM") and os.uname().sysname == "Linux":
            # By default Linux reserves memory for every page that could be written, and refuses a file that
            # is larger than memory.
            flags = mmap.MAP_PRIVATE | _MAP_NORESERVE
            self._map = mmap.mmap(self._descriptor, self.size, flags, mmap.PROT_READ | mmap.PROT_WRITE)
        else:
            self._map = mmap.mmap(self._descriptor, self.size, access=mmap.ACCESS_COPY)
        if hasattr(mmap, "MADV_HUGEPAGE"):
            with suppress(OSError):
                # Rows at random places are found several times faster in pages of 2 MiB than among millions
                # of small pages.
                self._map.madvise(mmap.MADV_HUGEPAGE)
        self._address = torch.frombuffer(self._map, dtype=torch.uint8).data_ptr()

    def tensor(self, dtype: torch.dtype, shape: tuple[int, ...], offset: int = 0) -> torch.Tensor:
        """Return a view of the file, which stays mapped as long as the view. Nothing is read.

        Args:
            dtype: type of the values.
            shape: shape of the view.
            offset: place of the first value, in bytes.
        """
        return torch.frombuffer(self._map, dtype=dtype, count=prod(shape), offset=offset).view(shape)

    def read_at_random(self) -> None:
        """Advise the system to read only the pages that are accessed, and none around them."""
        for advice in ("MADV_NOHUGEPAGE", "MADV_RANDOM"):
            if hasattr(mmap, advice):
                with suppress(OSError):
                    # In this order: with huge pages the system reads whole ones.
                    self._map.madvise(getattr(mmap, advice))

    def populate(self) -> None:
        """Read the whole file in stored order, and map its pages, so that no access has to wait."""
        for start in range(0, self.size, _PIECE_BYTES):
            length = min(_PIECE_BYTES, self.size - start)
            if not _advise(self._address + start, length, _MADV_POPULATE_READ):
                _advise(self._address + start, length, getattr(mmap, "MADV_WILLNEED", 3))

    def drop(self) -> None:
        """Write the file to the disk and drop it from the page cache: the next access reads it from the disk.

        Pages that another process has mapped stay. A file on tmpfs stays as a whole.
        """
        if not hasattr(os, "posix_fadvise"):
            return
        try:
            os.fsync(self._descriptor)
        except OSError as error:
            # Pages that aren't on the disk then stay, which `resident_share` shows.
            if error.errno not in _NO_FSYNC:
                raise
        self._map.madvise(mmap.MADV_DONTNEED)
        os.posix_fadvise(self._descriptor, 0, 0, os.POSIX_FADV_DONTNEED)

    def resident_share(self) -> float:
        """Return the share of the file's pages that are in the page cache, 0 to 1. Raises OSError."""
        found = np.empty(-(-self.size // mmap.PAGESIZE), np.uint8)
        address = ctypes.c_void_p(self._address)
        if _libc().mincore(address, ctypes.c_size_t(self.size), ctypes.c_void_p(found.ctypes.data)):
            raise OSError(ctypes.get_errno(), "mincore")
        return float((found & 1).mean())

    def __del__(self) -> None:
        # The mapping ends with the last tensor on it.
        if hasattr(self, "_descriptor"):
            os.close(self._descriptor)


def _advise(address: int, length: int, advice: int) -> bool:
    """Call madvise of the C library; return whether it succeeded.

    Python's own madvise may hold the GIL while the disk is read.
    """
    code: int = _libc().madvise(ctypes.c_void_p(address), ctypes.c_size_t(length), ctypes.c_int(advice))
    return code == 0


@functools.cache
def _libc() -> ctypes.CDLL:
    return ctypes.CDLL(None, use_errno=True)
