"""CPU time of processes."""

from __future__ import annotations

import contextlib
import os
import sys
import time
from pathlib import Path

import psutil

from bench.process import process_tree

if sys.platform != "win32":
    import resource

# Places of cutime and cstime in proc_pid_stat(5), counted behind the process's name.
WAITED_FIELDS = slice(13, 15)


def read_tree_cpu_s() -> float:
    """Return the CPU seconds, user and system, that this process and its descendants have used so far.

    Descendants that have ended count once their parent has waited for them. On Linux the kernel tells the
    time of descendants' ended children in ticks of 10 ms, and all else to the nanosecond.
    """
    used_s = time.process_time()
    if sys.platform != "win32":
        ended = resource.getrusage(resource.RUSAGE_CHILDREN)
        used_s += ended.ru_utime + ended.ru_stime
    for pid in process_tree.list_descendants(os.getpid()):
        used_s += (read_process_cpu_s(pid) or 0.0) + _read_waited_cpu_s(pid)
    return used_s


def read_process_cpu_s(pid: int) -> float | None:
    """Return the CPU seconds of one process, or None if it is gone."""
    if sys.platform == "linux":
        with contextlib.suppress(OSError):
            # The clock that clock_getcpuclockid(3) gives for a process; Python only has it for threads.
            return time.clock_gettime(~pid << 3 | 2)
    with contextlib.suppress(psutil.Error):
        times = psutil.Process(pid).cpu_times()
        return float(times.user + times.system)
    return None


def _read_waited_cpu_s(pid: int) -> float:
    """Return the CPU seconds of the children that a process has waited for; 0 if unknown."""
    if sys.platform == "linux":
        with contextlib.suppress(OSError, ValueError, IndexError):
            # The name stands in parentheses and may hold spaces.
            fields = Path(f"/proc/{pid}/stat").read_bytes().rpartition(b")")[2].split()
            return sum(map(int, fields[WAITED_FIELDS])) / os.sysconf("SC_CLK_TCK")
    with contextlib.suppress(psutil.Error):
        times = psutil.Process(pid).cpu_times()
        # Not on every platform does psutil know them.
        return float(getattr(times, "children_user", 0.0) + getattr(times, "children_system", 0.0))
    return 0.0
