"""Checks of memory and /dev/shm."""

from __future__ import annotations

import contextlib
import os
import shutil
import sys
from pathlib import Path

import psutil

from bench.machine.check import ROOT, Found, Severity, fail, ok
from bench.machine.requirements import Requirements

if sys.platform != "win32":
    pass
from bench.machine.control_groups import find_control_groups, read_number
from bench.text import format_bytes

USE_LESS = "fewer --num-workers, a smaller --batch-size or --prefetch-factor"


def check_memory(needs: Requirements, root: Path = ROOT) -> Found:
    """The memory that is left on the machine and in the control groups above this process."""
    machine = psutil.virtual_memory()
    total, left = machine.total, machine.available
    limited = ""
    for group in find_control_groups("memory", root):
        limit = read_number(group / "memory.max", group / "memory.limit_in_bytes")
        used = read_number(group / "memory.current", group / "memory.usage_in_bytes")
        if limit is None or limit >= machine.total:
            continue
        # Pages of files are given back when they are needed.
        held = (used or 0) - _inactive_file_bytes(group / "memory.stat")
        left = min(left, max(0, limit - held))
        if limit < total:
            total, limited = limit, " (the container's limit)"
    found = f"{format_bytes(left)} available of {format_bytes(total)}{limited}; about {format_bytes(needs.memory_bytes)} needed"
    if left >= needs.memory_bytes:
        return ok(found)
    more = "raise the container's limit (docker: --memory)" if limited else "end what else uses it"
    # What it takes is an estimate.
    return "fail" if left < needs.memory_bytes / 2 else "warn", found, f"{more}, or {USE_LESS}"


def check_shared_memory(needs: Requirements, root: Path = ROOT) -> Found | None:
    """/dev/shm, through which workers send their batches: where it is full, they hang or die."""
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
        f"{format_bytes(room.free)} free of {format_bytes(room.total)}; up to {format_bytes(needs.shm_bytes)} needed by "
        f"{_count(needs.workers, 'worker')}"
    )
    enough = needs.shm_bytes + needs.shm_spare_bytes
    if room.free >= enough:
        return ok(found)
    verdict: Severity = "fail" if room.free < needs.shm_bytes else "warn"
    if room.total >= enough:
        return verdict, found, "remove what killed processes left there (ls -l /dev/shm), or " + USE_LESS
    # A power of two, and twice what is needed: somebody else may use it too.
    roomy = 1 << max(30, (2 * needs.shm_bytes - 1).bit_length())
    return (
        verdict,
        found,
        f"docker: --shm-size={roomy >> 30}g; else sudo mount -o remount,size={roomy >> 30}g /dev/shm; "
        f"or {USE_LESS}",
    )


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'s' * (number != 1)}"


def _inactive_file_bytes(stat: Path) -> int:
    with contextlib.suppress(OSError, ValueError):
        told = dict(line.split() for line in stat.read_text().splitlines())
        return int(told.get("total_inactive_file", told.get("inactive_file", 0)))
    return 0
