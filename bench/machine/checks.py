"""Checks: whether this machine has what measuring will ask of it, and what to do where it hasn't."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

from bench.machine.check import ROOT, Check, Found, run_checks
from bench.machine.package_checks import package_checks
from bench.machine.requirements import Requirements

if sys.platform != "win32":
    pass
from bench.machine.cpu_checks import check_clock, check_cores, check_load
from bench.machine.limit_checks import check_open_files, check_processes
from bench.machine.memory_checks import check_memory, check_shared_memory
from bench.machine.setup_checks import check_compiler, check_folder, check_start_method

RESULTS_BYTES, FEWEST_RESULTS_BYTES = 100 * 2**20, 10 * 2**20


def check_all(needs: Requirements, *, data_dir: Path, out: Path, cuda: bool = False) -> list[Check]:
    """All checks, made in this process, which has imported torch: half a second, some with a GPU.

    cuda: whether something is to be measured on the GPU.
    """
    return [
        *check_machine(needs, data_dir=data_dir, out=out),
        *package_checks(try_gpu=False, measured=cuda),
    ]


def check_machine(needs: Requirements, *, data_dir: Path, out: Path, root: Path = ROOT) -> Iterator[Check]:
    """The checks that need no torch, one by one."""
    looks: dict[str, Callable[[], Found | None]] = {
        # First, while this process does nothing itself.
        "load": check_load,
        "cores": partial(check_cores, needs, root),
        "clock": partial(check_clock, root),
        "memory": partial(check_memory, needs, root),
        "/dev/shm": partial(check_shared_memory, needs, root),
        "open files": partial(check_open_files, needs),
        "processes": partial(check_processes, needs, root),
        "start method": partial(check_start_method, needs),
        "compiler": check_compiler,
        "data folder": partial(check_folder, data_dir, enough=needs.data_bytes, fewest=0),
        "results folder": partial(check_folder, out, enough=RESULTS_BYTES, fewest=FEWEST_RESULTS_BYTES),
    }
    return run_checks(looks)
