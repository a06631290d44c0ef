"""Checks: this machine held against what measuring needs."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

from bench.machine.check import ROOT, Check, Outcome, run_checks
from bench.machine.cpu_checks import check_clock, check_cores, check_load
from bench.machine.limit_checks import check_open_files, check_processes
from bench.machine.memory_checks import check_memory, check_shared_memory
from bench.machine.package_checks import check_packages
from bench.machine.requirements import Requirements
from bench.machine.setup_checks import check_compiler, check_folder, check_start_method

# Room for results, in bytes: enough for a large sweep, and too little for any.
ENOUGH_BYTES, TOO_FEW_BYTES = 100 * 2**20, 10 * 2**20


def check_all(
    needs: Requirements, *, data_dir: Path, out: Path, cuda: bool = False, torchvision: bool = True
) -> list[Check]:
    """Make all checks in this process, which has imported torch.

    They take half a second, longer with a GPU or with torchvision.

    Args:
        needs: what measuring needs.
        data_dir: folder of the data.
        out: folder of the results.
        cuda: something is to be measured on the GPU.
        torchvision: something that is to be measured needs torchvision.
    """
    return [
        *check_machine(needs, data_dir=data_dir, out=out),
        *check_packages(try_gpu=False, measured=cuda, torchvision=torchvision),
    ]


def check_machine(needs: Requirements, *, data_dir: Path, out: Path, root: Path = ROOT) -> Iterator[Check]:
    """Make the checks that need no torch, one by one.

    Args:
        needs: what measuring needs.
        data_dir: folder of the data.
        out: folder of the results.
        root: folder that stands for the root of the file system.
    """
    looks: dict[str, Callable[[], Outcome | None]] = {
        # First, while this process itself does nothing.
        "load": check_load,
        "cores": partial(check_cores, needs, root),
        "clock": partial(check_clock, root),
        "memory": partial(check_memory, needs, root),
        "/dev/shm": partial(check_shared_memory, needs, root),
        "open files": partial(check_open_files, needs),
        "processes": partial(check_processes, needs, root),
        "start method": partial(check_start_method, needs),
        "compiler": check_compiler,
        "data folder": partial(check_folder, data_dir, enough=needs.data_bytes, too_few=0),
        "results folder": partial(check_folder, out, enough=ENOUGH_BYTES, too_few=TOO_FEW_BYTES),
    }
    return run_checks(looks)
