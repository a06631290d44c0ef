"""Checks of memory and /dev/shm."""

from __future__ import annotations

import contextlib
import os
import shutil
import sys
from pathlib import Path

import psutil

from bench.machine.check import ROOT, Outcome, Severity, fail, ok
from bench.machine.control_groups import find_control_groups, read_number
from bench.machine.requirements import Requirements
from bench.text import format_bytes, format_count

USE_LESS = "fewer --num-workers, a smaller --batch-size or --prefetch-factor"


def check_memory(needs: Requirements, root: Path = ROOT) -> Outcome:
    """Check the memory that is left on the machine and in the control groups above this process."""
    machine = psutil.virtual_memory()
    total, left = machine.total, machine.available
    limited = ""
    for group in find_control_groups("memory", root):
        limit = read_number(group / "memory.max", group / "memory.limit_in_bytes")
        used = read_number(group / "memory.current", group / "memory.usage_in_bytes")
        if limit is None or limit >= machine.total:
            continue
        # The kernel frees pages of files when memory is needed.
        held = (used or 0) - _read_inactive_file_bytes(group / "memory.stat")
        left = min(left, max(0, limit - held))
        if limit < total:
            total, limited = limit, " (the container's limit)"
    found = (
        f"{format_bytes(left)} available of {format_bytes(total)}{limited}; "
        f"about {format_bytes(needs.memory_bytes)} needed"
    )
    if left >= needs.memory_bytes:
        return ok(found)
    more = "raise the container's limit (docker: --memory)" if limited else "end what else uses it"
    # The need is an estimate, so a small lack is only a warning.
    severity: Severity = "fail" if left < needs.memory_bytes / 2 else "warn"
    return Outcome(severity, found, f"{more}, or {USE_LESS}")


def check_shared_memory(needs: Requirements, root: Path = ROOT) -> Outcome | None:
    """Check the room in /dev/shm, through which workers send batches. Where it is full, they hang or die."""
    if sys.platform != "linux":
        return None
    mount = root / "dev/shm"
    if not needs.workers:
        return ok("not needed without workers")
    if not mount.is_dir() or not os.access(mount, os.W_OK):
        return fail(
            "/dev/shm is missing or can't be written: no worker can be started",
            "sudo mount -t tmpfs tmpfs /dev/shm, or --num-workers 0",
        )
    room = shutil.disk_usage(mount)
    found = (
        f"{format_bytes(room.free)} free of {format_bytes(room.total)}; "
        f"up to {format_bytes(needs.shm_bytes)} needed by {format_count(needs.workers, 'worker')}"
    )
    enough = needs.shm_bytes + needs.shm_spare_bytes
    if room.free >= enough:
        return ok(found)
    severity: Severity = "fail" if room.free < needs.shm_bytes else "warn"
    if room.total >= enough:
        cure = f"remove what killed processes left there (ls -l /dev/shm), or {USE_LESS}"
        return Outcome(severity, found, cure)
    # A power of two, and twice the need, for another process may use it too.
    roomy = 1 << max(30, (2 * needs.shm_bytes - 1).bit_length())
    cure = (
        f"docker: --shm-size={roomy >> 30}g; else sudo mount -o remount,size={roomy >> 30}g /dev/shm; "
        f"or {USE_LESS}"
    )
    return Outcome(severity, found, cure)


def _read_inactive_file_bytes(stat: Path) -> int:
    with contextlib.suppress(OSError, ValueError):
        counts = dict(line.split() for line in stat.read_text().splitlines())
        return int(counts.get("total_inactive_file", counts.get("inactive_file", 0)))
    return 0
