"""Checks of the cores: load, usable cores and clock."""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path

import psutil

from bench.machine.check import ROOT, Found, ok, warn
from bench.machine.requirements import Requirements
from bench.machine.system_counters import SystemCounters

if sys.platform != "win32":
    pass


# The share of all cores in use, above which it's said that others are at work.
BUSY = 0.15
SLOW_GOVERNORS = ("powersave", "ondemand", "conservative")


def check_load() -> Found:
    """Whether others use the machine that is about to be measured."""
    share = psutil.cpu_percent(interval=0.5) / 100
    found = f"{share:.0%} of all cores in use now"
    if share <= BUSY:
        return ok(found)
    return warn(found, "wait until it is quiet (top shows who it is), or expect wide intervals")


def count_usable_cores(root: Path = ROOT) -> float:
    """Cores that this process may use: its affinity, cut by the container's quota where there is one."""
    quotas = [quota.cores for quota in SystemCounters.find(frozenset({0}), root=root).quotas]
    return min([*quotas, float(count_affinity())])


def check_cores(needs: Requirements, root: Path = ROOT) -> Found:
    """The cores, and whether torch starts more threads than a quota has cores: it doesn't know of quotas."""
    affinity, usable = count_affinity(), count_usable_cores(root)
    found = f"{usable:.3g} usable of {os.cpu_count() or affinity}"
    if usable >= affinity:
        return ok(found)
    found += ", by the container's quota"
    whole = max(1, round(usable))
    told = re.match(r"\d+", os.environ.get("OMP_NUM_THREADS", ""))
    threads = needs.num_threads or (int(told[0]) if told else affinity)
    if threads <= whole:
        return ok(found)
    return warn(
        f"{found}; torch starts up to {threads} threads",
        f"raise the quota (docker: --cpus), or --num-threads {whole} and, in other programs, "
        f"OMP_NUM_THREADS={whole}",
    )


def check_clock(root: Path = ROOT) -> Found:
    """What governs the cores' frequency."""
    files = sorted((root / "sys/devices/system/cpu").glob("cpu[0-9]*/cpufreq/scaling_governor"))
    governors = [file.read_text().strip() for file in files]
    if not governors:
        return ok("no frequency governor to be seen, as in most virtual machines")
    found = ", ".join(
        f"{name} on {governors.count(name)} of {len(governors)} cores" for name in dict.fromkeys(governors)
    )
    if not set(governors) & set(SLOW_GOVERNORS):
        return ok(f"frequency governor: {found}")
    return warn(
        f"frequency governor: {found}: cores speed up only once they are busy",
        "sudo cpupower frequency-set -g performance",
    )


def count_affinity() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
