"""The GPU that trials run on: what NVIDIA's management library (NVML) tells of it, and what it is."""

from __future__ import annotations

import contextlib
import functools
import importlib
import json
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

# From nvml.h (nvmlClocksEventReasons), those that are no setting, no idleness and no power limit: a GPU that
# is kept busy runs at its power limit, and nobody else is the cause.
REASONS = {0x40: "thermal", 0x20: "thermal", 0x80: "power brake", 0x08: "hardware slowdown"}
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
class Gpu:
    """One GPU as NVML sees it; nvml: the module pynvml of nvidia-ml-py.

    None is unknown: each query can be one that this GPU, its driver or the package doesn't have, and fails in
    its own way.
    """

    nvml: Any
    handle: Any

    @classmethod
    def find(cls) -> Gpu | None:
        """The current CUDA device, for a process that uses CUDA; None where NVML doesn't tell of it."""
        with contextlib.suppress(Exception):
            import torch

            # By its UUID, for CUDA_VISIBLE_DEVICES renumbers the devices of CUDA only.
            return cls.named(str(torch.cuda.get_device_properties(torch.cuda.current_device()).uuid))
        return None

    @classmethod
    def named(cls, uuid: str) -> Gpu | None:
        """The GPU of this UUID, or None where the package, the driver or the GPU is missing."""
        with contextlib.suppress(Exception):
            nvml = importlib.import_module("pynvml")
            nvml.nvmlInit()
            # CUDA tells no prefix; a part of a GPU has another one.
            for prefix in ("GPU", "MIG"):
                with contextlib.suppress(Exception):
                    return cls(nvml, nvml.nvmlDeviceGetHandleByUUID(f"{prefix}-{uuid}"))
        return None

    def mhz(self) -> float | None:
        """The clock of its multiprocessors."""
        with contextlib.suppress(Exception):
            return float(self.nvml.nvmlDeviceGetClockInfo(self.handle, self.nvml.NVML_CLOCK_SM))
        return None

    def slowed(self) -> str | None:
        """Why it is slowed down now, None where it isn't."""
        # The second name is that of drivers and packages before 2023.
        for name in ("nvmlDeviceGetCurrentClocksEventReasons", "nvmlDeviceGetCurrentClocksThrottleReasons"):
            with contextlib.suppress(Exception):
                reasons = getattr(self.nvml, name)(self.handle)
                return next((text for bit, text in REASONS.items() if reasons & bit), None)
        return None

    def heat_s(self) -> float | None:
        """Seconds, since some start, that heat kept it below the clock that is set."""
        with contextlib.suppress(Exception):
            policy = self.nvml.NVML_PERF_POLICY_THERMAL
            told = self.nvml.nvmlDeviceGetViolationStatus(self.handle, policy)
            return float(told.violationTime) * 1e-9
        # The first query is to go with CUDA 14.
        with contextlib.suppress(Exception):
            (field,) = self.nvml.nvmlDeviceGetFieldValues(
                self.handle, [self.nvml.NVML_FI_DEV_PERF_POLICY_THERMAL]
            )
            if field.nvmlReturn == self.nvml.NVML_SUCCESS:
                return float(field.value.ullVal) * 1e-9
        return None

    def utilization(self) -> float | None:
        """The share of the driver's last sample period in which a kernel ran on it, whoever's it was."""
        with contextlib.suppress(Exception):
            return float(self.nvml.nvmlDeviceGetUtilizationRates(self.handle).gpu) / 100
        return None

    def memory_bytes(self) -> int | None:
        """Its memory in use, by whoever, without what the driver keeps for itself where that is known."""
        with contextlib.suppress(Exception):
            told = self.nvml.nvmlDeviceGetMemoryInfo(self.handle, version=self.nvml.nvmlMemory_v2)
            # Not `used`: by NVML's documents the driver's part is in it, by what drivers tell it isn't.
            return max(0, int(told.total) - int(told.reserved) - int(told.free))
        with contextlib.suppress(Exception):
            return int(self.nvml.nvmlDeviceGetMemoryInfo(self.handle).used)
        return None

    def facts(self) -> dict[str, Any]:
        """What SMI names. The PCIe link may be at less than it can do while the GPU has nothing to do."""
        nvml, handle = self.nvml, self.handle
        milliwatts = _first(
            lambda: nvml.nvmlDeviceGetEnforcedPowerLimit(handle),
            lambda: nvml.nvmlDeviceGetPowerManagementLimit(handle),
        )
        return {
            "driver": _first(lambda: nvml.nvmlSystemGetDriverVersion()),
            "power_limit_w": None if milliwatts is None else milliwatts / 1000,
            "max_sm_mhz": _first(lambda: nvml.nvmlDeviceGetMaxClockInfo(handle, nvml.NVML_CLOCK_SM)),
            "pcie_generation": _first(lambda: nvml.nvmlDeviceGetCurrPcieLinkGeneration(handle)),
            "max_pcie_generation": _first(lambda: nvml.nvmlDeviceGetMaxPcieLinkGeneration(handle)),
            "pcie_width": _first(lambda: nvml.nvmlDeviceGetCurrPcieLinkWidth(handle)),
            "max_pcie_width": _first(lambda: nvml.nvmlDeviceGetMaxPcieLinkWidth(handle)),
        }


@dataclass(frozen=True)
class GpuLook:
    """One look at the GPU that trials would run on, while none does. None is unknown.

    facts: name, memory_bytes, capability, count, what SMI names, and what makes the step of a graph
    (fused_step): triton, or why not. utilization, used_bytes: others' use.
    """

    facts: Mapping[str, Any]
    utilization: float | None
    used_bytes: int | None


@functools.cache
def look() -> GpuLook | None:
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
                return GpuLook(**json.loads(line.removeprefix(MARK)))
    return None


def tell() -> None:
    """Print the look: what the other process does."""
    import torch

    from model.fused_step import problem
    from model.losses import CrossEntropy

    # What trials call `cuda`.
    properties = torch.cuda.get_device_properties(torch.cuda.current_device())
    uuid = str(getattr(properties, "uuid", ""))
    gpu = Gpu.named(uuid)
    seen = GpuLook(
        facts={
            "name": properties.name,
            "memory_bytes": properties.total_memory,
            "capability": f"{properties.major}.{properties.minor}",
            "count": torch.cuda.device_count(),
            **(gpu.facts() if gpu else smi_facts(uuid)),
            "fused_step": _first(lambda: problem(CrossEntropy(), 10, 784) or "triton"),
        },
        utilization=gpu.utilization() if gpu else None,
        used_bytes=gpu.memory_bytes() if gpu else None,
    )
    # On a line of its own, whatever a library has printed before.
    print(f"\n{MARK}{json.dumps(asdict(seen))}", flush=True)  # noqa: T201


def smi_facts(uuid: str) -> dict[str, Any]:
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


def _first(*asks: Callable[[], Any]) -> Any:
    """The first answer that there is, None without one."""
    for ask in asks:
        with contextlib.suppress(Exception):
            return ask()
    return None


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
