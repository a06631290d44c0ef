"""SharedPages: the part of a process's memory that other processes hold too."""

from __future__ import annotations

import contextlib
import sys
from dataclasses import dataclass
from pathlib import Path

import psutil

from bench.process.process_status import read_status

# A process whose resident set changes by more than this while its pages are counted is starting or ending.
STABLE_SHARE = 0.02


@dataclass(frozen=True)
class SharedPages:
    """Pages of one process that other processes hold too, such as those a forked worker has of its parent.

    Attributes:
        resident_bytes: shared part of the resident set.
        anonymous_bytes: shared part of the pages of no file; None if the system doesn't tell.
    """

    resident_bytes: int
    anonymous_bytes: int | None = None


def read_shared_pages(pid: int) -> SharedPages | None:
    """Return the shared pages of a process, or None if they can't be read or change meanwhile.

    The kernel walks all pages of the process for this and holds the lock of its memory. This takes some 10 ms
    of CPU time for a process that has imported torch, in which the process can't get memory.
    """
    before = read_status(pid)
    private = _read_private_bytes(pid)
    after = read_status(pid)
    if before is None or after is None or private is None:
        return None
    if abs(after.resident_bytes - before.resident_bytes) > STABLE_SHARE * before.resident_bytes:
        return None
    private_bytes, private_dirty_bytes = private
    anonymous_bytes = None
    if before.anonymous_bytes is not None and private_dirty_bytes is not None:
        anonymous_bytes = max(0, before.anonymous_bytes - private_dirty_bytes)
    return SharedPages(max(0, before.resident_bytes - private_bytes), anonymous_bytes)


def _read_private_bytes(pid: int) -> tuple[int, int | None] | None:
    """Return the private pages of a process, and those among them that it has written to."""
    if sys.platform == "linux":
        with contextlib.suppress(OSError, ValueError):
            lines = Path(f"/proc/{pid}/smaps_rollup").read_bytes().splitlines()
            private = {
                name: int(value.split()[0]) * 1024
                for name, _, value in (line.partition(b":") for line in lines)
                if name.startswith(b"Private_")
            }
            return sum(private.values()), private.get(b"Private_Dirty")
    with contextlib.suppress(psutil.Error):
        return int(psutil.Process(pid).memory_full_info().uss), None
    return None
