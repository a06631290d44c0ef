"""What a process and all its descendants use, CPU time and memory; and how to end them all."""

from __future__ import annotations

import contextlib
import os
import time
from pathlib import Path

import psutil


def descendants(pid: int) -> list[int]:
    """The process ids of a process's children and theirs."""
    try:
        # The kernel's own list, where there is one: psutil reads every process of the machine instead.
        children = [
            int(child)
            for tasks in Path(f"/proc/{pid}/task").iterdir()
            for child in (tasks / "children").read_text().split()
        ]
    except OSError:
        try:
            return [child.pid for child in psutil.Process(pid).children(recursive=True)]
        except psutil.Error:
            return []
    return [*children, *(below for child in children for below in descendants(child))]


def cpu_seconds() -> float:
    """CPU seconds, user and system, that this process and its descendants have used so far.

    Descendants that have ended count through the parent that waited for them. All but this process itself
    are read in the kernel's ticks, 10 ms on Linux.
    """
    ended = os.times()
    used: float = time.process_time() + ended.children_user + ended.children_system
    for pid in descendants(os.getpid()):
        with contextlib.suppress(psutil.Error):
            times = psutil.Process(pid).cpu_times()
            # Not on every platform does psutil know the time of children that were waited for.
            waited = getattr(times, "children_user", 0.0) + getattr(times, "children_system", 0.0)
            used += times.user + times.system + waited
    return used


def resident_and_mapped_bytes(pid: int) -> tuple[int, int]:
    """The resident set of one process, and what of it are files and shared memory; 0 where it is gone."""
    with contextlib.suppress(psutil.Error):
        memory = psutil.Process(pid).memory_info()
        # Only Linux tells the second.
        return int(memory.rss), int(getattr(memory, "shared", 0))
    return 0, 0


def shared_bytes(pid: int) -> int | None:
    """What of the resident set of one process others hold too; None where that can't be read.

    The kernel walks all its pages for this: some 8 ms of CPU time for a process that has imported torch.
    """
    with contextlib.suppress(psutil.Error):
        process = psutil.Process(pid)
        before = process.memory_info().rss
        memory = process.memory_full_info()
        # One that gains or loses pages while they are counted is starting or ending: that says nothing.
        if 0 < 0.98 * before <= process.memory_info().rss <= 1.02 * before:
            return int(before - memory.uss)
    return None


def kill(pid: int) -> None:
    """Kill a process and all its descendants, and wait until they are gone."""
    family = []
    for member in (pid, *descendants(pid)):
        with contextlib.suppress(psutil.Error):
            process = psutil.Process(member)
            process.kill()
            family.append(process)
    psutil.wait_procs(family, timeout=5)
