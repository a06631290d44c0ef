"""Checks of the cores: load, usable cores and clock."""

from __future__ import annotations

import os
import re
from pathlib import Path

import psutil

from bench.machine.check import ROOT, Outcome, ok, warn
from bench.machine.cpu_quota import find_quotas
from bench.machine.requirements import Requirements

# Share of all cores in use. More means that others are at work.
BUSY_SHARE = 0.15
SLOW_GOVERNORS = ("powersave", "ondemand", "conservative")


def check_load() -> Outcome:
    """Check that no one else uses the machine. It takes half a second."""
    share = psutil.cpu_percent(interval=0.5) / 100
    found = f"{share:.0%} of all cores in use now"
    if share <= BUSY_SHARE:
        return ok(found)
    return warn(found, "wait until it is quiet (top shows who it is), or expect wide intervals")


def count_usable_cores(root: Path = ROOT) -> float:
    """Return the number of cores that this process may use: its affinity, or a lower container's quota."""
    quotas = [quota.cores for quota in find_quotas(root)]
    return min([*quotas, float(count_affinity())])


def check_cores(needs: Requirements, root: Path = ROOT) -> Outcome:
    """Check that torch starts no more threads than a quota has cores, for torch knows nothing of quotas."""
    affinity, usable = count_affinity(), count_usable_cores(root)
    found = f"{usable:.3g} usable of {os.cpu_count() or affinity}"
    if usable >= affinity:
        return ok(found)
    found += ", by the container's quota"
    whole = max(1, round(usable))
    asked = re.match(r"\d+", os.environ.get("OMP_NUM_THREADS", ""))
    threads = needs.num_threads or (int(asked[0]) if asked else affinity)
    if threads <= whole:
        return ok(found)
    return warn(
        f"{found}; torch starts up to {threads} threads",
        f"raise the quota (docker: --cpus), or --num-threads {whole} and, in other programs, "
        f"OMP_NUM_THREADS={whole}",
    )


def check_clock(root: Path = ROOT) -> Outcome:
    """Check that the frequency governor doesn't slow down cores which are idle between batches."""
    files = sorted((root / "sys/devices/system/cpu").glob("cpu[0-9]*/cpufreq/scaling_governor"))
    governors = [file.read_text().strip() for file in files]
    if not governors:
        return ok("no frequency governor to be seen, as in most virtual machines")
    counts = ", ".join(
        f"{name} on {governors.count(name)} of {len(governors)} cores" for name in dict.fromkeys(governors)
    )
    if not set(governors) & set(SLOW_GOVERNORS):
        return ok(f"frequency governor: {counts}")
    return warn(
        f"frequency governor: {counts}: cores speed up only once they are busy",
        "sudo cpupower frequency-set -g performance",
    )


def count_affinity() -> int:
    """Return the number of cores that the system lets this process run on."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
