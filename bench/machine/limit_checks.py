"""Checks of the limits on open files and processes."""

from __future__ import annotations

import contextlib
import os
import sys
from pathlib import Path

import psutil

from bench.machine.check import ROOT, Outcome, fail, ok
from bench.machine.control_groups import find_control_groups, read_number
from bench.machine.memory_checks import USE_LESS
from bench.machine.requirements import Requirements

if sys.platform != "win32":
    import resource


def check_open_files(needs: Requirements) -> Outcome | None:
    """Check how many files a process may have open. A batch that waits takes two."""
    if sys.platform == "win32":
        return None
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY:
        return ok("no limit")
    found = f"at most {soft} a process; up to {needs.open_files} needed"
    if soft >= needs.open_files:
        return ok(found)
    enough = max(4096, 1 << needs.open_files.bit_length())
    if hard == resource.RLIM_INFINITY or hard >= enough:
        return fail(found, f"ulimit -n {enough}")
    if hard >= needs.open_files:
        return fail(found, f"ulimit -n {hard}")
    return fail(
        found,
        f"raise the hard limit, {hard} (docker: --ulimit nofile={enough}; else /etc/security/limits.conf), "
        f"or {USE_LESS}",
    )


def check_processes(needs: Requirements, root: Path = ROOT) -> Outcome | None:
    """Check how many processes and threads this user, and its control groups, may still start."""
    if sys.platform == "win32":
        return None
    left: list[tuple[int, int, str]] = []
    limit, _ = resource.getrlimit(resource.RLIMIT_NPROC)
    # This limit doesn't bind the superuser.
    if limit != resource.RLIM_INFINITY and os.getuid() != 0:
        left.append((limit - _count_tasks_of_user(limit - needs.processes, root), limit, "ulimit -u"))
    for group in find_control_groups("pids", root):
        most, current = read_number(group / "pids.max"), read_number(group / "pids.current")
        if most is not None and current is not None:
            left.append((most - current, most, "docker: --pids-limit"))
    if not left:
        return ok(f"no limit; up to {needs.processes} needed, with threads")
    free, limit, option = min(left)
    found = f"{max(0, free)} more of {limit} allowed; up to {needs.processes} needed, with threads"
    if free >= needs.processes:
        return ok(found)
    # Rounded up to a number that is easy to read.
    enough = -(-(limit - free + 2 * needs.processes) // 1024) * 1024
    sign = "=" if option.startswith("docker") else " "
    return fail(found, f"raise the limit ({option}{sign}{enough}), or fewer --num-workers")


def _count_tasks_of_user(few: int, root: Path) -> int:
    """Return how many processes this user has, on Linux with their threads.

    Args:
        few: where all users together have no more than this, their number is returned. It is quicker to read.
        root: folder that stands for the root of the file system.
    """
    with contextlib.suppress(OSError, ValueError, IndexError):
        everyone = int((root / "proc/loadavg").read_text().split()[3].partition("/")[2])
        if everyone <= few:
            return everyone
    own, linux = os.getuid(), sys.platform == "linux"
    count = 0
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error, OSError):
            if process.uids().real == own:
                count += process.num_threads() if linux else 1
    return count
