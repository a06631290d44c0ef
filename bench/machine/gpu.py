"""The GPU that trials run on, looked at by another process."""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from bench.machine import nvidia_smi
from bench.machine.nvml import NvmlGpu, find_answer
from bench.process.fresh_interpreter import make_command, print_answer, read_answers
from bench.process.timed_command import run_timed

# A driver may take long when it is first used, and so may importing torch from a slow disk.
DEADLINE_S = 60.0


@dataclass(frozen=True)
class GpuSnapshot:
    """The GPU that trials run on, while none does. None is unknown.

    Attributes:
        facts: name, memory_bytes, capability, count, the facts that NvmlGpu reads, and `fused_step`: `triton`
            if it makes the step of a CUDA graph, else the reason why it doesn't.
        utilization: share of the last moment in which other processes used the GPU.
        used_bytes: memory of the GPU that other processes use, in bytes.
    """

    facts: Mapping[str, Any]
    utilization: float | None
    used_bytes: int | None


@functools.cache
def inspect_gpu() -> GpuSnapshot | None:
    """Look at the GPU, once a process; None if there is none, or if the look fails or takes too long.

    Another process does it. A process that starts CUDA can't stop it again: it holds some of the GPU's memory
    from then on, and a broken driver may make it hang.
    """
    import torch

    # This starts nothing on the GPU.
    if not torch.cuda.is_available():
        return None
    # What it printed counts, even if a driver made it crash afterwards.
    for answer in read_answers(run_timed(make_command(print_snapshot), deadline_s=DEADLINE_S).output):
        with contextlib.suppress(TypeError):
            return GpuSnapshot(**answer)
    return None


def print_snapshot() -> None:
    """Look at the GPU in this process, and print a snapshot for `inspect_gpu`."""
    import torch

    from model.fused_step import find_problem
    from model.losses import CrossEntropy

    # Trials use the device that torch calls `cuda`.
    properties = torch.cuda.get_device_properties(torch.cuda.current_device())
    uuid = str(getattr(properties, "uuid", ""))
    gpu = NvmlGpu.find_by_uuid(uuid)
    snapshot = GpuSnapshot(
        facts={
            "name": properties.name,
            "memory_bytes": properties.total_memory,
            "capability": f"{properties.major}.{properties.minor}",
            "count": torch.cuda.device_count(),
            **(gpu.read_facts() if gpu else nvidia_smi.query_facts(uuid)),
            "fused_step": find_answer(lambda: find_problem(CrossEntropy(), 10, 784) or "triton"),
        },
        utilization=gpu.read_utilization() if gpu else None,
        used_bytes=gpu.read_memory_bytes() if gpu else None,
    )
    print_answer(asdict(snapshot))
