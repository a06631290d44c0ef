"""ProcessStatus: the state and the memory of one process."""

from __future__ import annotations

import contextlib
import os
import sys
from dataclasses import dataclass

import psutil

# The kernel's text has some 1,500 bytes.
MOST_BYTES = 16_384


@dataclass(frozen=True)
class ProcessStatus:
    """State and resident memory of a process, from one read of `/proc/<pid>/status`.

    Only Linux tells more than the resident set.

    Attributes:
        resident_bytes: resident set of the process.
        anonymous_bytes: its pages of no file (RssAnon); None if unknown.
        file_bytes: its pages of files (RssFile); None if unknown.
        shared_memory_bytes: its pages of shared memory (RssShmem); None if unknown.
        is_stopped: True if a signal such as SIGSTOP has stopped the process.
    """

    resident_bytes: int
    anonymous_bytes: int | None = None
    file_bytes: int | None = None
    shared_memory_bytes: int | None = None
    is_stopped: bool = False

    @property
    def mapped_bytes(self) -> int:
        """Pages of files and of shared memory; 0 if unknown."""
        return (self.file_bytes or 0) + (self.shared_memory_bytes or 0)


def read_status(pid: int) -> ProcessStatus | None:
    """Return the status of a process, or None if it has ended."""
    if (text := read_status_text(pid)) is not None:
        return parse_status(text)
    with contextlib.suppress(psutil.Error):
        resident_bytes = int(psutil.Process(pid).memory_info().rss)
        # A process that has ended and not been waited for holds nothing.
        return ProcessStatus(resident_bytes) if resident_bytes else None
    return None


def read_status_text(pid: int) -> bytes | None:
    """Return the kernel's text on a process, or None if the process has ended or the system has no such text.

    Beside a timed epoch it is only read, and parsed afterwards, which takes three times as long.
    """
    if sys.platform == "linux":
        with contextlib.suppress(OSError):
            descriptor = os.open(f"/proc/{pid}/status", os.O_RDONLY)
            try:
                return os.read(descriptor, MOST_BYTES)
            finally:
                os.close(descriptor)
    return None


def parse_status(text: bytes) -> ProcessStatus | None:
    """Parse the lines of proc_pid_status(5); None for a process that has ended and has no memory."""
    values = dict(line.split(b":", 1) for line in text.splitlines())
    if b"VmRSS" not in values:
        return None

    def read_bytes(name: bytes) -> int | None:
        return int(values[name].split()[0]) * 1024 if name in values else None

    return ProcessStatus(
        resident_bytes=read_bytes(b"VmRSS") or 0,
        anonymous_bytes=read_bytes(b"RssAnon"),
        file_bytes=read_bytes(b"RssFile"),
        shared_memory_bytes=read_bytes(b"RssShmem"),
        is_stopped=values.get(b"State", b"").split()[:1] in ([b"T"], [b"t"]),
    )
