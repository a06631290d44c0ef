"""Environment: the machine, the versions and the command of a sweep, which explain its results."""

from __future__ import annotations

import contextlib
import hashlib
import importlib.metadata
import multiprocessing
import os
import platform
import subprocess
import sys
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import psutil
import torch

from bench.machine.cpu_checks import count_usable_cores
from bench.machine.gpu import inspect_gpu
from bench.process.search_path import OWN_FOLDER, PACKAGES
from loaders.native import native
from loaders.spec.family_name import list_packages

DISTRIBUTIONS = (
    "loaderbench",
    "torch",
    "torchvision",
    "numpy",
    "pandas",
    "pillow",
    "psutil",
    "scipy",
    "seaborn",
    "triton",
    "nvidia-ml-py",
)


def describe_environment(name: str, digest: str, command: str) -> dict[str, Any]:
    """Describe machine, versions, data and command for `environment.json`. Unknown is None.

    A folder of results may be published: there is no host name in it, and no path that isn't an argument.

    Args:
        name: name of the data that is measured on.
        digest: SHA-256 of the data, or of a user's own modules.
        command: command line that made the sweep.
    """
    memory = _read_memory()
    return {
        "command": command,
        "started_at": datetime.now(timezone.utc).isoformat(timespec="seconds"),
        "commit": _find_commit(),
        "dataset": {"name": name, "sha256": digest},
        "machine": {
            "id": _find_machine_id(),
            "system": platform.system(),
            "release": platform.release(),
            "architecture": platform.machine(),
            "cpu": find_cpu_name(),
            "cores": os.cpu_count(),
            "cores_usable": count_usable_cores(),
            "frequency_mhz": _read_frequency_mhz(),
            "memory_bytes": getattr(memory, "total", None),
            "memory_available_bytes": getattr(memory, "available", None),
            "load_average": _read_load_average(),
        },
        "gpu": describe_gpu(),
        "versions": {
            "python": platform.python_version(),
            "python_implementation": sys.implementation.name,
            "cuda": torch.version.cuda,
            **{name: _find_version(name) for name in (*DISTRIBUTIONS, *list_packages())},
        },
        "torch": {
            "num_threads": torch.get_num_threads(),
            "num_interop_threads": torch.get_num_interop_threads(),
            "start_method": multiprocessing.get_all_start_methods()[0],
        },
        # `ring.c` if it gathers the rings' rows; else why torch's operations do.
        "ring": native().problem or "ring.c",
        "variables": {
            name: os.environ[name]
            for name in (
                "OMP_NUM_THREADS",
                "MKL_NUM_THREADS",
                "CUDA_VISIBLE_DEVICES",
                "MALLOC_ARENA_MAX",
                "LOADERBENCH_NATIVE",
            )
            if name in os.environ
        },
    }


def find_cpu_name() -> str | None:
    """Return the processor's name as its maker writes it, or as far as the platform knows it."""
    with contextlib.suppress(OSError):
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.lower().startswith(("model name", "hardware")):
                return line.partition(":")[2].strip()
    if platform.system() == "Darwin":
        return _run("sysctl", "-n", "machdep.cpu.brand_string")
    return platform.processor() or None


def describe_gpu() -> dict[str, Any] | None:
    """Return the facts of the GPU that trials run on; None without one. Another process reads them."""
    snapshot = inspect_gpu()
    return None if snapshot is None else dict(snapshot.facts)


def _find_machine_id() -> str | None:
    """Return an id that tells this machine from others without naming it; None if it has none."""
    for path in (Path("/etc/machine-id"), Path("/var/lib/dbus/machine-id")):
        with contextlib.suppress(OSError):
            if own := path.read_text().strip():
                # systemd asks programs to publish only a hash of it.
                return hashlib.sha256(f"loaderbench/{own}".encode()).hexdigest()[:8]
    return None


def _find_commit() -> str | None:
    """Return the commit of the code that runs, with `+changes` if its files differ; None outside of git."""
    commit = _run("git", "-C", str(OWN_FOLDER), "rev-parse", "HEAD")
    if commit is None:
        return None
    changes = _run("git", "-C", str(OWN_FOLDER), "status", "--porcelain", "--", *PACKAGES)
    return f"{commit}+changes" if changes else commit


def _run(*command: str) -> str | None:
    """Return what a command prints; None if it prints nothing or fails."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=10, check=True)
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.strip() or None


def _find_version(package: str) -> str | None:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return None


def _read_memory() -> Any:
    with contextlib.suppress(Exception):  # psutil raises anything if a file of the system is missing or odd
        return psutil.virtual_memory()
    return None


def _read_frequency_mhz() -> float | None:
    with contextlib.suppress(Exception):  # as in _read_memory
        frequency = psutil.cpu_freq()
        return None if frequency is None else round(frequency.current)
    return None


def _read_load_average() -> list[float] | None:
    with contextlib.suppress(OSError, AttributeError):
        return [round(load, 2) for load in psutil.getloadavg()]
    return None
