"""NVML: what NVIDIA's management library tells of one GPU."""

from __future__ import annotations

import contextlib
import importlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

# From nvml.h (nvmlClocksEventReasons), those that are no setting, no idleness and no power limit: a GPU that
# is kept busy runs at its power limit, and nobody else is the cause.
REASONS = {0x40: "thermal", 0x20: "thermal", 0x80: "power brake", 0x08: "hardware slowdown"}


@dataclass(frozen=True)
class NvmlGpu:
    """One GPU as NVML sees it; nvml: the module pynvml of nvidia-ml-py.

    None is unknown: each query can be one that this GPU, its driver or the package doesn't have, and fails in
    its own way.
    """

    nvml: Any
    handle: Any

    @classmethod
    def find(cls) -> NvmlGpu | None:
        """The current CUDA device, for a process that uses CUDA; None where NVML doesn't tell of it."""
        with contextlib.suppress(Exception):
            import torch

            # By its UUID, for CUDA_VISIBLE_DEVICES renumbers the devices of CUDA only.
            return cls.named(str(torch.cuda.get_device_properties(torch.cuda.current_device()).uuid))
        return None

    @classmethod
    def named(cls, uuid: str) -> NvmlGpu | None:
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
        milliwatts = first_answer(
            lambda: nvml.nvmlDeviceGetEnforcedPowerLimit(handle),
            lambda: nvml.nvmlDeviceGetPowerManagementLimit(handle),
        )
        return {
            "driver": first_answer(lambda: nvml.nvmlSystemGetDriverVersion()),
            "power_limit_w": None if milliwatts is None else milliwatts / 1000,
            "max_sm_mhz": first_answer(lambda: nvml.nvmlDeviceGetMaxClockInfo(handle, nvml.NVML_CLOCK_SM)),
            "pcie_generation": first_answer(lambda: nvml.nvmlDeviceGetCurrPcieLinkGeneration(handle)),
            "max_pcie_generation": first_answer(lambda: nvml.nvmlDeviceGetMaxPcieLinkGeneration(handle)),
            "pcie_width": first_answer(lambda: nvml.nvmlDeviceGetCurrPcieLinkWidth(handle)),
            "max_pcie_width": first_answer(lambda: nvml.nvmlDeviceGetMaxPcieLinkWidth(handle)),
        }


def first_answer(*asks: Callable[[], Any]) -> Any:
    """The first answer that there is, None without one."""
    for ask in asks:
        with contextlib.suppress(Exception):
            return ask()
    return None
