"""Process tree: the descendants of a process, and how to end them."""

from __future__ import annotations

import contextlib
import ctypes
import os
import sys
import time
from collections.abc import Collection
from pathlib import Path

import psutil

# From <linux/prctl.h>.
PR_SET_CHILD_SUBREAPER = 36
# How long the end of killed processes is waited for, and how often they are looked at, in seconds.
DEATH_S = 5.0
LOOK_S = 0.02


def list_children(pid: int) -> list[int]:
    """Return the ids of a process's children, including those that have ended and not been waited for."""
    try:
        # The kernel has this list on Linux. psutil reads every process of the machine.
        return [
            int(child)
            for tasks in Path(f"/proc/{pid}/task").iterdir()
            for child in (tasks / "children").read_text().split()
        ]
    except OSError:
        try:
            return [child.pid for child in psutil.Process(pid).children()]
        except (psutil.Error, OSError):
            return []


def list_descendants(pid: int) -> list[int]:
    """Return the ids of a process's children, of their children, and so on."""
    children = list_children(pid)
    return [*children, *(further for child in children for further in list_descendants(child))]


def kill(pid: int) -> None:
    """Kill a process and all its descendants, and wait until none runs.

    Those that are children of this process are waited for. Others may stay zombies until init waits for them,
    which some containers' init does late or never.
    """
    family = []
    for member in (pid, *list_descendants(pid)):
        with contextlib.suppress(psutil.Error, OSError):
            process = psutil.Process(member)
            process.kill()
            family.append(process)
    deadline = time.monotonic() + DEATH_S
    while any(map(_is_running, family)) and time.monotonic() < deadline:
        _, family = psutil.wait_procs(family, timeout=LOOK_S)
    # Orphans may have become this process's own children meanwhile.
    psutil.wait_procs(family, timeout=0)


def _is_running(process: psutil.Process) -> bool:
    try:
        return bool(process.is_running() and process.status() != psutil.STATUS_ZOMBIE)
    except (psutil.Error, OSError):
        return False


def become_subreaper() -> None:
    """Let this process adopt the orphans among its descendants, so that `end_adopted` finds them. Linux only.

    Children of this process don't inherit this.
    """
    _set_subreaper(1)


def stop_adopting() -> None:
    """Let init adopt orphans again, as it does unless `become_subreaper` was called."""
    _set_subreaper(0)


def _set_subreaper(on: int) -> None:
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(*map(ctypes.c_ulong, (PR_SET_CHILD_SUBREAPER, on, 0, 0, 0)))


def end_adopted(keep: Collection[int]) -> list[int]:
    """Kill the orphans that this process has adopted, with their descendants, and return their ids.

    A trial leads a session of its own, so a child in this process's session is no orphan of a trial.

    Args:
        keep: ids of children that are no orphans.
    """
    if sys.platform == "win32":
        return []
    ended: list[int] = []
    deadline = time.monotonic() + DEATH_S
    # Processes that an orphan starts while it is killed arrive here only afterwards, so this repeats.
    while time.monotonic() < deadline:
        orphans = [pid for pid in list_children(os.getpid()) if pid not in keep and _in_another_session(pid)]
        if not orphans:
            break
        for pid in orphans:
            kill(pid)
        ended += orphans
    return ended


def _in_another_session(pid: int) -> bool:
    if sys.platform != "win32":
        with contextlib.suppress(OSError):
            return os.getsid(pid) != os.getsid(0)
    return False
