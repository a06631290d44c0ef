"""What a process and all its descendants use, CPU time and memory; and how to end them all."""

from __future__ import annotations

import contextlib
import ctypes
import os
import sys
import time
from collections.abc import Collection
from pathlib import Path

import psutil

if sys.platform != "win32":
    import resource


# From <linux/prctl.h>.
PR_SET_CHILD_SUBREAPER = 36
# How long the end of processes that were killed is waited for.
DEATH_S = 5.0


def children(pid: int) -> list[int]:
    """The process ids of a process's children, those among them that have ended and not been waited for."""
    try:
        # The kernel's own list, where there is one: psutil reads every process of the machine instead.
        return [
            int(child)
            for tasks in Path(f"/proc/{pid}/task").iterdir()
            for child in (tasks / "children").read_text().split()
        ]
    except OSError:
        try:
            return [child.pid for child in psutil.Process(pid).children()]
        except psutil.Error:
            return []


def descendants(pid: int) -> list[int]:
    """The process ids of a process's children and theirs."""
    below = children(pid)
    return [*below, *(further for child in below for further in descendants(child))]


def cpu_seconds() -> float:
    """CPU seconds, user and system, that this process and its descendants have used so far.

    Descendants that have ended count through the parent that waited for them. On Linux only what descendants
    waited for in their turn is read in the kernel's ticks of 10 ms, elsewhere all but this process itself.
    """
    used = time.process_time()
    if sys.platform != "win32":
        ended = resource.getrusage(resource.RUSAGE_CHILDREN)
        used += ended.ru_utime + ended.ru_stime
    for pid in descendants(os.getpid()):
        with contextlib.suppress(psutil.Error):
            times = psutil.Process(pid).cpu_times()
            # Not on every platform does psutil know the time of children that were waited for.
            waited = getattr(times, "children_user", 0.0) + getattr(times, "children_system", 0.0)
            exact = _clock_seconds(pid)
            used += waited + (times.user + times.system if exact is None else exact)
    return used


def _clock_seconds(pid: int) -> float | None:
    """CPU seconds of one process by its own clock, to the nanosecond; None where it can't be read."""
    if sys.platform == "linux":
        with contextlib.suppress(OSError):
            # What clock_getcpuclockid(3) gives for a process, which Python has for threads only.
            return time.clock_gettime(~pid << 3 | 2)
    return None


def resident_and_mapped_bytes(pid: int) -> tuple[int, int]:
    """The resident set of one process, and what of it are files and shared memory; 0 where it is gone."""
    with contextlib.suppress(psutil.Error):
        memory = psutil.Process(pid).memory_info()
        # Only Linux tells the second.
        return int(memory.rss), int(getattr(memory, "shared", 0))
    return 0, 0


def file_bytes(pid: int) -> int | None:
    """What of the resident set of one process are pages of files; None where the system doesn't tell."""
    with contextlib.suppress(OSError, ValueError, IndexError):
        return _kilobytes(Path(f"/proc/{pid}/status"), "RssFile:") * 1024
    return None


def _kilobytes(path: Path, name: str) -> int:
    """The number beside a name in one of the kernel's lists; ValueError where it isn't there."""
    for line in path.read_text().splitlines():
        if line.startswith(name):
            return int(line.split()[1])
    raise ValueError(name)


def anonymous_bytes(pid: int) -> tuple[int, int] | None:
    """Of one process's pages of no file, all that are resident and those that it alone holds; Linux only.

    As dear as `shared_bytes`.
    """
    with contextlib.suppress(OSError, ValueError, IndexError):
        resident = _kilobytes(Path(f"/proc/{pid}/status"), "RssAnon:")
        own = _kilobytes(Path(f"/proc/{pid}/smaps_rollup"), "Private_Dirty:")
        return resident * 1024, min(resident, own) * 1024
    return None


def resident_anonymous_bytes(pid: int) -> int:
    """Of one process's pages of no file, those that are resident; 0 where it is gone or it can't be told."""
    with contextlib.suppress(OSError, ValueError, IndexError):
        return _kilobytes(Path(f"/proc/{pid}/status"), "RssAnon:") * 1024
    return 0


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
    psutil.wait_procs(family, timeout=DEATH_S)


def become_subreaper() -> None:
    """Make orphans below this process its own children, so that `end_adopted` finds them; Linux only.

    It lasts as long as this process, and isn't handed down to children.
    """
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(*map(ctypes.c_ulong, (PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)))


def end_adopted(keep: Collection[int]) -> list[int]:
    """Kill the orphans that became this process's children, with all their descendants; their process ids.

    keep: children that were there before. Nor is a child in this process's own session one: a trial leads
    a session of its own, and nothing that it leaves behind can come back to this one.
    """
    if sys.platform == "win32":
        return []
    ended: list[int] = []
    deadline = time.monotonic() + DEATH_S
    # Again until there are none: what an orphan starts while it is killed arrives here only afterwards.
    while time.monotonic() < deadline:
        orphans = [pid for pid in children(os.getpid()) if pid not in keep and _in_another_session(pid)]
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
