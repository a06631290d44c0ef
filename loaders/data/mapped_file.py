"""Files mapped into memory, and what the system is told of how they will be read."""

from __future__ import annotations

import ctypes
import functools
import mmap
import os
from contextlib import suppress
from math import prod
from pathlib import Path

import numpy as np
import torch

# Linux's own numbers, which Python's mmap doesn't all have.
_MAP_NORESERVE = 0x4000
_MADV_POPULATE_READ = 22
_PIECE_BYTES = 32 << 20


class MappedFile:
    """A file in memory, as far as the system has read it: no byte of it is private to this process.

    What is written to it stays in this process, page by page. It may be larger than memory.
    """

    def __init__(self, path: Path) -> None:
        with path.open("rb") as file:
            self._descriptor = os.dup(file.fileno())
        self.size = os.fstat(self._descriptor).st_size
        if hasattr(mmap, "MADV_RANDOM") and os.uname().sysname == "Linux":
            # Unless told so, the system sets memory aside for all that could be written, and refuses where
            # that is more than there is.
            flags = mmap.MAP_PRIVATE | _MAP_NORESERVE
            self._map = mmap.mmap(self._descriptor, self.size, flags, mmap.PROT_READ | mmap.PROT_WRITE)
        else:
            self._map = mmap.mmap(self._descriptor, self.size, access=mmap.ACCESS_COPY)
        if hasattr(mmap, "MADV_HUGEPAGE"):
            with suppress(OSError):
                # What is read from now on comes in pages of 2 MiB, where the file system can: rows in random
                # places are then found several times faster than among millions of small pages.
                self._map.madvise(mmap.MADV_HUGEPAGE)
        self._address = torch.frombuffer(self._map, dtype=torch.uint8).data_ptr()

    def tensor(self, dtype: torch.dtype, shape: tuple[int, ...], offset: int = 0) -> torch.Tensor:
        """The values from byte `offset` on, without reading them; it keeps the file mapped."""
        return torch.frombuffer(self._map, dtype=dtype, count=prod(shape), offset=offset).view(shape)

    def read_at_random(self) -> None:
        """Tell the system to read just the pages that are looked at, and none around them."""
        for advice in ("MADV_NOHUGEPAGE", "MADV_RANDOM"):
            if hasattr(mmap, advice):
                with suppress(OSError):
                    # In this order: where huge pages are wanted, whole ones are read.
                    self._map.madvise(getattr(mmap, advice))

    def populate(self) -> None:
        """Read the whole file in stored order, and map what was read: each look then finds its page."""
        for start in range(0, self.size, _PIECE_BYTES):
            length = min(_PIECE_BYTES, self.size - start)
            if not _advise(self._address + start, length, _MADV_POPULATE_READ):
                _advise(self._address + start, length, getattr(mmap, "MADV_WILLNEED", 3))

    def drop(self) -> None:
        """Have the system forget what it read of the file, so that the next look reads it from the disk.

        Pages that another process has mapped stay, and so does all of a file that lies in memory (tmpfs).
        """
        if not hasattr(os, "posix_fadvise"):
            return
        os.fsync(self._descriptor)
        self._map.madvise(mmap.MADV_DONTNEED)
        os.posix_fadvise(self._descriptor, 0, 0, os.POSIX_FADV_DONTNEED)

    def resident_share(self) -> float:
        """The share of the file's pages that are in memory, whoever read them."""
        found = np.empty(-(-self.size // mmap.PAGESIZE), np.uint8)
        address = ctypes.c_void_p(self._address)
        if _libc().mincore(address, ctypes.c_size_t(self.size), ctypes.c_void_p(found.ctypes.data)):
            raise OSError(ctypes.get_errno(), "mincore")
        return float((found & 1).mean())

    def __del__(self) -> None:
        # The mapping goes with the last tensor on it.
        if hasattr(self, "_descriptor"):
            os.close(self._descriptor)


def _advise(address: int, length: int, advice: int) -> bool:
    """madvise by the C library, as Python's own may keep the GIL while the disk is read."""
    code: int = _libc().madvise(ctypes.c_void_p(address), ctypes.c_size_t(length), ctypes.c_int(advice))
    return code == 0


@functools.cache
def _libc() -> ctypes.CDLL:
    return ctypes.CDLL(None, use_errno=True)
