"""Checks: whether this machine has what measuring will ask of it, and what to do where it hasn't."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import re
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import psutil

from bench.check import ROOT, Check, Found, Verdict, fail, made, ok, warn
from bench.gauges import Gauges
from bench.needs import Needs
from bench.package_checks import package_checks
from loaders.native import SWITCH, native

if sys.platform != "win32":
    import resource

# The share of all cores in use, above which it's said that others are at work.
BUSY = 0.15
SLOW_GOVERNORS = ("powersave", "ondemand", "conservative")
LESS = "fewer --num-workers, a smaller --batch-size or --prefetch-factor"
RESULTS_BYTES, FEWEST_RESULTS_BYTES = 100 * 2**20, 10 * 2**20


def checks(needs: Needs, *, data_dir: Path, out: Path, cuda: bool = False) -> list[Check]:
    """All checks, made in this process, which has imported torch: half a second, some with a GPU.

    cuda: whether something is to be measured on the GPU.
    """
    return [
        *machine_checks(needs, data_dir=data_dir, out=out),
        *package_checks(try_gpu=False, measured=cuda),
    ]


def machine_checks(needs: Needs, *, data_dir: Path, out: Path, root: Path = ROOT) -> Iterator[Check]:
    """The checks that need no torch, one by one."""
    looks: dict[str, Callable[[], Found | None]] = {
        # First, while this process does nothing itself.
        "load": load,
        "cores": partial(cores, needs, root),
        "clock": partial(clock, root),
        "memory": partial(memory, needs, root),
        "/dev/shm": partial(shared_memory, needs, root),
        "open files": partial(open_files, needs),
        "processes": partial(processes, needs, root),
        "start method": partial(start_method, needs),
        "compiler": compiler,
        "data folder": partial(folder, data_dir, enough=needs.data_bytes, fewest=0),
        "results folder": partial(folder, out, enough=RESULTS_BYTES, fewest=FEWEST_RESULTS_BYTES),
    }
    return made(looks)


def load() -> Found:
    """Whether others use the machine that is about to be measured."""
    share = psutil.cpu_percent(interval=0.5) / 100
    found = f"{share:.0%} of all cores in use now"
    if share <= BUSY:
        return ok(found)
    return warn(found, "wait until it is quiet (top shows who it is), or expect wide intervals")


def cores_usable(root: Path = ROOT) -> float:
    """Cores that this process may use: its affinity, cut by the container's quota where there is one."""
    quotas = [quota.cores for quota in Gauges.find(frozenset({0}), root=root).quotas]
    return min([*quotas, float(_affinity())])


def cores(needs: Needs, root: Path = ROOT) -> Found:
    """The cores, and whether torch starts more threads than a quota has cores: it doesn't know of quotas."""
    affinity, usable = _affinity(), cores_usable(root)
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


def clock(root: Path = ROOT) -> Found:
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


def memory(needs: Needs, root: Path = ROOT) -> Found:
    """The memory that is left on the machine and in the control groups above this process."""
    machine = psutil.virtual_memory()
    total, left = machine.total, machine.available
    limited = ""
    for group in control_groups("memory", root):
        limit = _number(group / "memory.max", group / "memory.limit_in_bytes")
        used = _number(group / "memory.current", group / "memory.usage_in_bytes")
        if limit is None or limit >= machine.total:
            continue
        # Pages of files are given back when they are needed.
        held = (used or 0) - _inactive_file_bytes(group / "memory.stat")
        left = min(left, max(0, limit - held))
        if limit < total:
            total, limited = limit, " (the container's limit)"
    found = f"{size(left)} available of {size(total)}{limited}; about {size(needs.memory_bytes)} needed"
    if left >= needs.memory_bytes:
        return ok(found)
    more = "raise the container's limit (docker: --memory)" if limited else "end what else uses it"
    # What it takes is an estimate.
    return "fail" if left < needs.memory_bytes / 2 else "warn", found, f"{more}, or {LESS}"


def shared_memory(needs: Needs, root: Path = ROOT) -> Found | None:
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
        f"{size(room.free)} free of {size(room.total)}; up to {size(needs.shm_bytes)} needed by "
        f"{_count(needs.workers, 'worker')}"
    )
    enough = needs.shm_bytes + needs.shm_spare_bytes
    if room.free >= enough:
        return ok(found)
    verdict: Verdict = "fail" if room.free < needs.shm_bytes else "warn"
    if room.total >= enough:
        return verdict, found, "remove what killed processes left there (ls -l /dev/shm), or " + LESS
    # A power of two, and twice what is needed: somebody else may use it too.
    roomy = 1 << max(30, (2 * needs.shm_bytes - 1).bit_length())
    return (
        verdict,
        found,
        f"docker: --shm-size={roomy >> 30}g; else sudo mount -o remount,size={roomy >> 30}g /dev/shm; "
        f"or {LESS}",
    )


def open_files(needs: Needs) -> Found | None:
    """How many files a process may have open: every batch that waits is two of them."""
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
        f"or {LESS}",
    )


def processes(needs: Needs, root: Path = ROOT) -> Found | None:
    """How many processes and threads may still be started: of this user, and in its control groups."""
    if sys.platform == "win32":
        return None
    left: list[tuple[int, int, str]] = []
    limit, _ = resource.getrlimit(resource.RLIMIT_NPROC)
    # The superuser is not held to it.
    if limit != resource.RLIM_INFINITY and os.getuid() != 0:
        left.append((limit - _tasks_of_user(limit - needs.processes, root), limit, "ulimit -u"))
    for group in control_groups("pids", root):
        most, current = _number(group / "pids.max"), _number(group / "pids.current")
        if most is not None and current is not None:
            left.append((most - current, most, "docker: --pids-limit"))
    if not left:
        return ok(f"no limit; up to {needs.processes} needed, with threads")
    free, limit, raised_by = min(left)
    found = f"{max(0, free)} more of {limit} allowed; up to {needs.processes} needed, with threads"
    if free >= needs.processes:
        return ok(found)
    # In steps that nobody has to count.
    enough = -(-(limit - free + 2 * needs.processes) // 1024) * 1024
    sign = "=" if raised_by.startswith("docker") else " "
    return fail(found, f"raise the limit ({raised_by}{sign}{enough}), or fewer --num-workers")


def start_method(needs: Needs) -> Found:
    """How this Python starts workers, unless told otherwise."""
    default, *others = multiprocessing.get_all_start_methods()
    found = f"{default}, unless told otherwise ({', '.join(others) or 'there is no other'})"
    # Where several are measured, that is what shall be seen.
    if default != "forkserver" or not needs.asked_forkserver or needs.asked_other:
        return ok(found)
    return warn(
        f"{found}: every worker imports torch again, which takes seconds an epoch",
        "--multiprocessing-context fork, or --persistent-workers on",
    )


def compiler() -> Found:
    """Whether ring.c can be compiled."""
    if sys.platform == "win32":
        return ok("not used on Windows: torch's own operations gather the rings' rows")
    problem = native().problem
    if problem is None:
        return ok("ring.c is compiled")
    if os.environ.get(SWITCH) == "0":
        return ok(f"ring.c is {problem}: torch's own operations gather the rings' rows")
    return warn(
        f"{problem}; torch's own operations gather the rings' rows, more slowly",
        "install gcc or clang (apt install gcc), or name a working one in CC",
    )


def folder(path: Path, *, enough: int, fewest: int) -> Found:
    """Whether a folder, or the one that it will be made in, can be written, and the room there."""
    there = path
    while not there.exists() and there != there.parent:
        there = there.parent
    where = f"{path}" if there == path else f"{path} (to be made)"
    if not there.is_dir():
        return fail(f"{there} is a file, no folder", "name another one, or move that file away")
    try:
        with tempfile.TemporaryFile(dir=there):
            pass
    except OSError as error:
        # Data may lie there that only needs to be read.
        verdict: Verdict = "fail" if fewest else "warn"
        return (
            verdict,
            f"{where}: can't be written ({error.strerror})",
            "make it writable, or name another one",
        )
    free = shutil.disk_usage(there).free
    found = f"{size(free)} free for {where}; up to {size(enough)} needed"
    if free >= enough:
        return ok(found)
    return "fail" if free < fewest else "warn", found, "make room there, or name a folder on another disk"


def control_groups(controller: str, root: Path = ROOT) -> Iterator[Path]:
    """The folders of this process's control group and those above it, of either version of control groups."""
    try:
        lines = (root / "proc/self/cgroup").read_text().splitlines()
    except OSError:
        return
    groups = {names: path for _, names, path in (line.split(":", 2) for line in lines)}
    names = next((names for names in groups if controller in names.split(",")), "")
    mount = root / "sys/fs/cgroup"
    if names:
        mount /= controller
    path = groups.get(names, "/").strip("/")
    # A container may see itself as the top and its path as the machine's; then only the top is there.
    inner = mount / path if ".." not in path.split("/") else mount
    for group in (inner, *inner.parents):
        if group.is_dir():
            yield group
        if group == mount:
            return


def size(number: int) -> str:
    """A number of bytes, in a unit that suits it."""
    amount = float(number)
    for unit in ("bytes", "KiB", "MiB", "GiB"):
        if amount < 1000 or unit == "GiB":
            break
        amount /= 1024
    return f"{amount:.3g} {unit}" if amount < 1000 else f"{amount:,.0f} {unit}"


def _affinity() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'s' * (number != 1)}"


def _number(*files: Path) -> int | None:
    """The number in the first of these files that has one: `max` is none."""
    for file in files:
        with contextlib.suppress(OSError, ValueError):
            return int(file.read_text())
    return None


def _inactive_file_bytes(stat: Path) -> int:
    with contextlib.suppress(OSError, ValueError):
        told = dict(line.split() for line in stat.read_text().splitlines())
        return int(told.get("total_inactive_file", told.get("inactive_file", 0)))
    return 0


def _tasks_of_user(few: int, root: Path) -> int:
    """Processes of this user, on Linux with their threads; `few` or less may be everybody's."""
    with contextlib.suppress(OSError, ValueError, IndexError):
        # All of the machine's, in one read, where looking at every process can take a second.
        everybody = int((root / "proc/loadavg").read_text().split()[3].partition("/")[2])
        if everybody <= few:
            return everybody
    own, linux = os.getuid(), sys.platform == "linux"
    found = 0
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            if process.uids().real == own:
                found += process.num_threads() if linux else 1
    return found
