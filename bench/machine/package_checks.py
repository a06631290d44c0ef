"""Checks of torch and torchvision, beside each other and with this machine's GPU.

Importing this module imports neither of them, for they may be broken.
"""

from __future__ import annotations

import contextlib
import importlib
import os
import re
import warnings
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

from bench.machine import nvidia_smi
from bench.machine.check import ROOT, Check, Outcome, describe_failure, fail, ok, run_checks, unknown, warn
from bench.machine.gpu import GpuSnapshot, inspect_gpu

OLDEST_TORCH = (2, 6)
# Share of the last moment in which the GPU was in use. More means that other processes use it.
BUSY_SHARE = 0.15
# A process that computes on a GPU has memory there. A starting driver keeps it busy without any.
BUSY_BYTES = 64 * 2**20
REINSTALL = "install both anew from one index: pip install --force-reinstall torch torchvision"


def check_packages(
    *, try_gpu: bool, measured: bool = True, torchvision: bool = True, root: Path = ROOT
) -> Iterator[Check]:
    """Make the checks that import torch and torchvision into this process, one by one.

    Args:
        try_gpu: compute something on the GPU. It takes seconds, and some of the GPU's memory until this
            process ends. Otherwise this process starts nothing there.
        measured: something is to be measured on the GPU.
        torchvision: torchvision is needed. Its import takes over a second.
        root: folder that stands for the root of the file system.
    """
    looks: dict[str, Callable[[], Outcome | None]] = {"torch": check_torch}
    if torchvision:
        looks["torchvision"] = check_torchvision
    return run_checks({**looks, "gpu": partial(check_gpu, root, try_it=try_gpu, measured=measured)})


def check_torch() -> Outcome:
    """Check that torch can be imported and is new enough."""
    try:
        torch = importlib.import_module("torch")
        version = str(torch.__version__)
    except (Exception, SystemExit) as error:  # a broken library raises anything
        missing = isinstance(error, ModuleNotFoundError) and error.name == "torch"
        cure = "pip install torch torchvision" if missing else REINSTALL
        return fail(f"can't be imported: {describe_failure(error)}", cure)
    numbers = re.match(r"(\d+)\.(\d+)", version)
    oldest = ".".join(map(str, OLDEST_TORCH))
    if numbers and (int(numbers[1]), int(numbers[2])) < OLDEST_TORCH:
        return fail(f"{version}: {oldest} or later is needed", "pip install -U torch torchvision")
    return ok(version)


def check_torchvision() -> Outcome:
    """Check that torchvision can be imported beside this torch. It must be built for it."""
    try:
        importlib.import_module("torch")
    except (Exception, SystemExit):
        return unknown("not looked at, since torch can't be imported")
    try:
        return ok(str(importlib.import_module("torchvision").__version__))
    except (Exception, SystemExit) as error:
        if isinstance(error, ModuleNotFoundError) and error.name == "torchvision":
            return fail("not installed", "pip install torchvision, from the index that torch came from")
        # torch's error for a CPU build of one beside a CUDA build of the other.
        why = "doesn't fit this torch" if "torchvision::" in str(error) else "can't be imported"
        return fail(f"{why}: {describe_failure(error)}", REINSTALL)


def check_gpu(root: Path = ROOT, *, try_it: bool = False, measured: bool = True) -> Outcome:
    """Check that CUDA can be used if there is a GPU for it.

    Args:
        root: folder that stands for the root of the file system.
        try_it: compute something on the GPU, which shows whether this torch was built for it.
        measured: also check that no other process uses it.
    """
    try:
        torch = importlib.import_module("torch")
    except (Exception, SystemExit):
        return unknown("not looked at, since torch can't be imported")
    with warnings.catch_warnings():
        # The error of torch.cuda.init() below has the reason.
        warnings.simplefilter("ignore")
        available = torch.cuda.is_available()
    if available:
        return _check_usable_gpu(torch, root, try_it=try_it, measured=measured)
    if os.environ.get("CUDA_VISIBLE_DEVICES", "0").strip() in ("", "-1"):
        return ok("hidden by CUDA_VISIBLE_DEVICES: the step runs on the CPU")
    if not _has_nvidia_gpu(root):
        more = ""
        if (root / "proc/driver/nvidia/version").exists():
            more = " (the machine has a driver of NVIDIA, no device is let in here; docker: --gpus all)"
        return ok(f"none that CUDA can use: the step runs on the CPU{more}")
    if getattr(torch.version, "cuda", None) is None:
        return warn(
            f"an NVIDIA GPU is here, but torch {torch.__version__} is built without CUDA",
            "install torch and torchvision for CUDA, see pytorch.org/get-started/locally",
        )
    try:
        torch.cuda.init()
        reason = "torch.cuda.is_available() is False"
    except Exception as error:
        reason = describe_failure(error)
    return warn(
        f"an NVIDIA GPU is here, but CUDA can't start: {reason}",
        "see whether nvidia-smi works; update the driver, or install a torch built for it "
        "(pytorch.org/get-started/locally)",
    )


def _check_usable_gpu(torch: Any, root: Path, *, try_it: bool, measured: bool) -> Outcome:
    cuda = torch.version.cuda
    # Before this process itself uses the GPU.
    snapshot = inspect_gpu()
    name = snapshot.facts["name"] if snapshot else "a GPU"
    found = f"{name}, " + (f"CUDA {cuda}" if cuda else f"HIP {torch.version.hip}")
    with contextlib.suppress(OSError):
        driver = re.search(r"\d+\.\d+(\.\d+)?", (root / "proc/driver/nvidia/version").read_text())
        found += f", driver {driver[0]}" if driver else ""
    if try_it:
        try:
            torch.ones(1, device="cuda").add(1).item()
        except Exception as error:
            cure = (
                "end what else uses it"
                if "out of memory" in str(error)
                else "install a torch built for this GPU (pytorch.org/get-started/locally), or --device cpu"
            )
            return fail(f"{found}: it can't compute: {describe_failure(error)}", cure)
    elif snapshot is None and measured:
        return warn(
            f"{found}: the process that should look at it fails",
            "see whether nvidia-smi works, and what it says",
        )
    use = _describe_others_use(snapshot) if snapshot and measured else None
    if use:
        return warn(
            f"{found}: {use}",
            "wait until it is quiet (nvidia-smi shows who it is), or expect wide intervals",
        )
    return ok(found)


def _describe_others_use(snapshot: GpuSnapshot) -> str | None:
    """Return how other processes use the GPU; None if it asks for no warning."""
    busy, used = snapshot.utilization, snapshot.used_bytes
    if busy is None or used is None or busy <= BUSY_SHARE or used < BUSY_BYTES:
        return None
    return f"in use {busy:.0%} of the time now, with {used / 2**30:.3g} GiB of its memory"


def _has_nvidia_gpu(root: Path) -> bool:
    # Windows, and Linux inside it, have no such file.
    return any((root / "dev").glob("nvidia[0-9]*")) or nvidia_smi.lists_gpu()
