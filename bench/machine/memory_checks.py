"""Checks of memory and /dev/shm."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

from bench.machine.check import ROOT, Outcome, Severity, fail, ok
from bench.machine.memory import find_memory
from bench.machine.requirements import Requirements
from bench.text import format_bytes, format_count

USE_LESS = "fewer --num-workers, a smaller --batch-size or --prefetch-factor"


def check_memory(needs: Requirements, root: Path = ROOT) -> Outcome:
    """Check the memory that is left on the machine and in the control groups above this process."""
    memory = find_memory(root)
    left, limited = memory.available_bytes, " (the container's limit)" if memory.is_limited else ""
    found = (
        f"{format_bytes(left)} available of {format_bytes(memory.total_bytes)}{limited}; "
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
