"""The GPU that trials run on: what NVIDIA's management library (NVML) tells of it, and what it is."""

from __future__ import annotations

import contextlib
import functools
import json
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from bench.machine.nvml import NvmlGpu, first_answer

# What nvidia-smi calls that which NVML tells of a GPU at rest, and what it is.
SMI: Mapping[str, tuple[str, Callable[[str], Any]]] = {
    "driver": ("driver_version", str),
    "power_limit_w": ("enforced.power.limit", float),
    "max_sm_mhz": ("clocks.max.sm", int),
    "pcie_generation": ("pcie.link.gen.gpucurrent", int),
    "max_pcie_generation": ("pcie.link.gen.max", int),
    "pcie_width": ("pcie.link.width.current", int),
    "max_pcie_width": ("pcie.link.width.max", int),
}
# A driver that is asked for the first time may take its time, and so may importing torch from a slow disk.
DEADLINE_S = 60.0
SMI_DEADLINE_S = 10.0
# How long the end of a process that was killed is waited for.
DEATH_S = 5.0
# What a library prints when it is imported is none of ours.
MARK = "loaderbench-gpu "


@dataclass(frozen=True)
class GpuSnapshot:
    """One look at the GPU that trials would run on, while none does. None is unknown.

    facts: name, memory_bytes, capability, count, what SMI names, and what makes the step of a graph
    (fused_step): triton, or why not. utilization, used_bytes: others' use.
    """

    facts: Mapping[str, Any]
    utilization: float | None
    used_bytes: int | None


@functools.cache
def inspect_gpu() -> GpuSnapshot | None:
    """Look at it once; None where there is none, or whoever looks fails or takes too long.

    That is a process of its own, which ends: one that starts CUDA is never rid of it again, holds some of the
    GPU's memory from its first use on, and may hang in a broken driver.
    """
    import torch

    # It makes nothing on the GPU, and is asked by the sweep anyway.
    if not torch.cuda.is_available():
        return None
    # Where this module can be found, should the working folder not be looked through.
    code = (
        f"import sys; sys.path.append({str(Path(__file__).parent.parent)!r}); "
        "from bench.gpu import tell; tell()"
    )
    printed, _ = _run([sys.executable, "-c", code], deadline_s=DEADLINE_S)
    # However it ended after that.
    for line in printed.splitlines():
        if line.startswith(MARK):
            with contextlib.suppress(ValueError, TypeError):  # it may have ended amid the line
                return GpuSnapshot(**json.loads(line.removeprefix(MARK)))
    return None


def print_snapshot() -> None:
    """Print the look: what the other process does."""
    import torch

    from model.fused_step import find_problem
    from model.losses import CrossEntropy

    # What trials call `cuda`.
    properties = torch.cuda.get_device_properties(torch.cuda.current_device())
    uuid = str(getattr(properties, "uuid", ""))
    gpu = NvmlGpu.named(uuid)
    seen = GpuSnapshot(
        facts={
            "name": properties.name,
            "memory_bytes": properties.total_memory,
            "capability": f"{properties.major}.{properties.minor}",
            "count": torch.cuda.device_count(),
            **(gpu.facts() if gpu else query_smi(uuid)),
            "fused_step": first_answer(lambda: find_problem(CrossEntropy(), 10, 784) or "triton"),
        },
        utilization=gpu.utilization() if gpu else None,
        used_bytes=gpu.memory_bytes() if gpu else None,
    )
    # On a line of its own, whatever a library has printed before.
    print(f"\n{MARK}{json.dumps(asdict(seen))}", flush=True)  # noqa: T201


def query_smi(uuid: str) -> dict[str, Any]:
    """What SMI names of the GPU of this UUID, from nvidia-smi, which comes with the driver."""
    facts: dict[str, Any] = dict.fromkeys(SMI)
    # One name that this nvidia-smi doesn't know fails all of them.
    for names in (list(SMI), ["driver"]):
        query = ",".join(SMI[name][0] for name in names)
        told, code = _run(
            ["nvidia-smi", f"--id=GPU-{uuid}", f"--query-gpu={query}", "--format=csv,noheader,nounits"],
            deadline_s=SMI_DEADLINE_S,
        )
        cells = [cell.strip() for cell in told.split(",")]
        if code == 0 and len(cells) == len(names):
            for name, cell in zip(names, cells, strict=True):
                # [N/A], [Not Supported]
                if not cell.startswith("["):
                    with contextlib.suppress(ValueError):
                        facts[name] = SMI[name][1](cell)
            break
    return facts


def _run(command: list[str], *, deadline_s: float) -> tuple[str, int | None]:
    """What a command prints, and its exit code; nothing and None where it can't be run or takes too long."""
    try:
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            encoding="utf-8",
            errors="replace",
        )
    except OSError:
        return "", None
    try:
        return process.communicate(timeout=deadline_s)[0], process.returncode
    except subprocess.TimeoutExpired:
        return "", None
    finally:
        if process.poll() is None:
            process.kill()
            # One that waits for a broken driver doesn't die of it; nor is it waited for without end.
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.communicate(timeout=DEATH_S)
