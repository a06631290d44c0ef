"""Whether torch and torchvision can be used, beside each other and with the GPU that is here.

Nothing here imports them before it is asked to, as they themselves may be what is wrong.
"""

from __future__ import annotations

import contextlib
import importlib
import os
import re
import shutil
import subprocess
import warnings
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

from bench.machine.check import ROOT, Check, Found, describe_failure, fail, ok, run_checks, warn
from bench.machine.gpu import GpuSnapshot, inspect_gpu

OLDEST_TORCH = (2, 6)
# The share of the last moment in which the GPU was in use, above which it's said that others are at work.
BUSY = 0.15
# Who computes on a GPU has memory there; the driver itself, while it starts, is busy without.
BUSY_BYTES = 64 * 2**20
REINSTALL = "install both anew from one index: pip install --force-reinstall torch torchvision"


def package_checks(*, try_gpu: bool, measured: bool = True, root: Path = ROOT) -> Iterator[Check]:
    """The checks that import torch and torchvision into this process, one by one.

    try_gpu: compute something on the GPU, which takes seconds and some of its memory until the process ends;
    without it this process makes nothing there. measured: whether something is to be measured on the GPU.
    """
    return run_checks(
        {
            "torch": torch_itself,
            "torchvision": torchvision_beside_torch,
            "gpu": partial(gpu, root, try_it=try_gpu, measured=measured),
        }
    )


def torch_itself() -> Found:
    """Whether torch can be imported, and is new enough."""
    try:
        torch = importlib.import_module("torch")
        version = str(torch.__version__)
    except (Exception, SystemExit) as error:  # a broken library raises whatever it happens to
        missing = isinstance(error, ModuleNotFoundError) and error.name == "torch"
        cure = "pip install torch torchvision" if missing else REINSTALL
        return fail(f"can't be imported: {describe_failure(error)}", cure)
    numbers = re.match(r"(\d+)\.(\d+)", version)
    oldest = ".".join(map(str, OLDEST_TORCH))
    if numbers and (int(numbers[1]), int(numbers[2])) < OLDEST_TORCH:
        return fail(f"{version}, {oldest} is the oldest that will do", "pip install -U torch torchvision")
    return ok(version)


def torchvision_beside_torch() -> Found:
    """Whether torchvision can be imported beside this torch: it must be built for it."""
    try:
        importlib.import_module("torch")
    except (Exception, SystemExit):
        return "unknown", "not looked at, since torch can't be imported", None
    try:
        return ok(str(importlib.import_module("torchvision").__version__))
    except (Exception, SystemExit) as error:
        if isinstance(error, ModuleNotFoundError) and error.name == "torchvision":
            return fail("not installed", "pip install torchvision, from the index that torch came from")
        # What torch says of a CPU build of one beside a CUDA build of the other.
        why = "doesn't fit this torch" if "torchvision::" in str(error) else "can't be imported"
        return fail(f"{why}: {describe_failure(error)}", REINSTALL)


def gpu(root: Path = ROOT, *, try_it: bool = False, measured: bool = True) -> Found:
    """Whether CUDA can be used, where there is a GPU for it.

    try_it: compute something on it, which shows whether this torch was built for it. measured: also whether
    others leave it alone.
    """
    try:
        torch = importlib.import_module("torch")
    except (Exception, SystemExit):
        return "unknown", "not looked at, since torch can't be imported", None
    with warnings.catch_warnings():
        # The reason is asked for below.
        warnings.simplefilter("ignore")
        available = torch.cuda.is_available()
    if available:
        return _gpu_there(torch, root, try_it=try_it, measured=measured)
    if os.environ.get("CUDA_VISIBLE_DEVICES", "0").strip() in ("", "-1"):
        return ok("hidden by CUDA_VISIBLE_DEVICES: the step runs on the CPU")
    if not _nvidia_device(root):
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


def _gpu_there(torch: Any, root: Path, *, try_it: bool, measured: bool) -> Found:
    cuda = torch.version.cuda
    # Before this process uses it itself.
    seen = inspect_gpu()
    name = seen.facts["name"] if seen else "a GPU"
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
    elif seen is None and measured:
        return warn(
            f"{found}: the process that should look at it fails",
            "see whether nvidia-smi works, and what it says",
        )
    others = _others(seen) if seen and measured else None
    if others:
        return warn(
            f"{found}: {others}",
            "wait until it is quiet (nvidia-smi shows who it is), or expect wide intervals",
        )
    return ok(found)


def _others(seen: GpuSnapshot) -> str | None:
    """What others do on the GPU, where that is worth a warning."""
    busy, used = seen.utilization, seen.used_bytes
    if busy is None or used is None or busy <= BUSY or used < BUSY_BYTES:
        return None
    return f"in use {busy:.0%} of the time now, with {used / 2**30:.3g} GiB of its memory"


def _nvidia_device(root: Path) -> bool:
    if any((root / "dev").glob("nvidia[0-9]*")):
        return True
    # Windows, and Linux in it, have no such file.
    command = shutil.which("nvidia-smi")
    if command is None:
        return False
    try:
        done = subprocess.run([command, "-L"], capture_output=True, text=True, timeout=10, check=False)
    except (OSError, subprocess.SubprocessError):
        return False
    return done.returncode == 0 and "GPU 0" in done.stdout
