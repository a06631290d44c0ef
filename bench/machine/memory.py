"""Memory of the machine, or of the container that this process runs in."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from pathlib import Path

import psutil

from bench.machine.check import ROOT
from bench.machine.control_groups import find_control_groups, read_number


@dataclass(frozen=True)
class Memory:
    """Memory that this process can have.

    Attributes:
        total_bytes: all of it.
        available_bytes: what is left of it.
        is_limited: whether a container's limit decides the total.
    """

    total_bytes: int
    available_bytes: int
    is_limited: bool


def find_memory(root: Path = ROOT) -> Memory:
    """Return the memory of the machine, or of the smallest control group above this process.

    Args:
        root: root of the file system; default the real one.
    """
    machine = psutil.virtual_memory()
    total, left = machine.total, machine.available
    for group in find_control_groups("memory", root):
        limit = read_number(group / "memory.max", group / "memory.limit_in_bytes")
        used = read_number(group / "memory.current", group / "memory.usage_in_bytes")
        if limit is None or limit >= machine.total:
            continue
        # The kernel frees pages of files when memory is needed.
        held = (used or 0) - _read_inactive_file_bytes(group / "memory.stat")
        left = min(left, max(0, limit - held))
        total = min(total, limit)
    return Memory(total, left, total < machine.total)


def _read_inactive_file_bytes(stat: Path) -> int:
    with contextlib.suppress(OSError, ValueError):
        counts = dict(line.split() for line in stat.read_text().splitlines())
        return int(counts.get("total_inactive_file", counts.get("inactive_file", 0)))
    return 0
