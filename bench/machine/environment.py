"""What the figures were measured on and with: everything that could explain another machine's others."""

from __future__ import annotations

import contextlib
import hashlib
import importlib.metadata
import multiprocessing
import os
import platform
import shlex
import subprocess
import sys
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import psutil
import torch

from bench.machine.cpu_checks import count_usable_cores
from bench.machine.gpu import inspect_gpu
from loaders.data.dataset_ref import DatasetRef
from loaders.native import native

PACKAGES = (
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


def describe_environment(dataset: DatasetRef, arguments: list[str]) -> dict[str, Any]:
    """Machine, versions, data and command, as it goes to `environment.json`; unknown is null.

    No host name, and no path but those that the command was given: a folder of results can be shown around.
    """
    memory = psutil.virtual_memory()
    return {
        "command": shlex.join(["python", "-m", "bench.sweep", *arguments]),
        "started_at": datetime.now(timezone.utc).isoformat(timespec="seconds"),
        "commit": _commit(),
        "dataset": {"name": dataset.name, "sha256": dataset.digest},
        "machine": {
            "id": _machine_id(),
            "system": platform.system(),
            "release": platform.release(),
            "architecture": platform.machine(),
            "cpu": cpu_name(),
            "cores": os.cpu_count(),
            "cores_usable": count_usable_cores(),
            "frequency_mhz": _frequency_mhz(),
            "memory_bytes": memory.total,
            "memory_available_bytes": memory.available,
            "load_average": _load_average(),
        },
        "gpu": describe_gpu(),
        "versions": {
            "python": platform.python_version(),
            "python_implementation": sys.implementation.name,
            "cuda": torch.version.cuda,
            **{name: _version(name) for name in PACKAGES},
        },
        "torch": {
            "num_threads": torch.get_num_threads(),
            "num_interop_threads": torch.get_num_interop_threads(),
            "start_method": multiprocessing.get_all_start_methods()[0],
        },
        # What gathers for the families with a ring: ring.c, or torch, and why.
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


def cpu_name() -> str | None:
    """The processor's name as its maker gives it, or as much as the platform knows."""
    with contextlib.suppress(OSError):
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.lower().startswith(("model name", "hardware")):
                return line.partition(":")[2].strip()
    if platform.system() == "Darwin":
        return _output("sysctl", "-n", "machdep.cpu.brand_string")
    return platform.processor() or None


def describe_gpu() -> dict[str, Any] | None:
    """The GPU that trials would run on, or None; nothing of it is used here, but by a process that ends."""
    seen = inspect_gpu()
    return None if seen is None else dict(seen.facts)


def _machine_id() -> str | None:
    """What tells this machine from others, and names it to nobody; None where there is no such thing."""
    for path in (Path("/etc/machine-id"), Path("/var/lib/dbus/machine-id")):
        with contextlib.suppress(OSError):
            if own := path.read_text().strip():
                # systemd asks not to show it around, but what is made of it.
                return hashlib.sha256(f"loaderbench/{own}".encode()).hexdigest()[:8]
    return None


def _commit() -> str | None:
    """The commit of the code that runs, with `+changes` where it is not just that."""
    folder = Path(__file__).parent
    commit = _output("git", "-C", str(folder), "rev-parse", "HEAD")
    if commit is None:
        return None
    changes = _output(
        "git", "-C", str(folder.parent), "status", "--porcelain", "--", "bench", "loaders", "model"
    )
    return f"{commit}+changes" if changes else commit


def _output(*command: str) -> str | None:
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=10, check=True)
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.strip() or None


def _version(package: str) -> str | None:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return None


def _frequency_mhz() -> float | None:
    with contextlib.suppress(Exception):  # psutil raises what the platform's files happen to hold
        frequency = psutil.cpu_freq()
        return None if frequency is None else round(frequency.current)
    return None


def _load_average() -> list[float] | None:
    with contextlib.suppress(OSError, AttributeError):
        return [round(load, 2) for load in psutil.getloadavg()]
    return None
