"""NVML: NVIDIA's management library, asked about one GPU."""

from __future__ import annotations

import contextlib
import importlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

# From nvml.h (nvmlClocksEventReasons). Settings and idleness are no slowdown. Nor is the power limit: every
# busy GPU runs at it.
REASONS = {0x40: "thermal", 0x20: "thermal", 0x80: "power brake", 0x08: "hardware slowdown"}


@dataclass(frozen=True)
class NvmlGpu:
    """One GPU as NVML sees it.

    Its methods return None for anything that this GPU, its driver or the package doesn't know.

    Attributes:
        nvml: the module pynvml of nvidia-ml-py.
        handle: NVML's handle of the GPU.
    """

    nvml: Any
    handle: Any

    @classmethod
    def find(cls) -> NvmlGpu | None:
        """Find the current CUDA device of a process that uses CUDA; None if NVML doesn't know it."""
        with contextlib.suppress(Exception):
            import torch

            # CUDA_VISIBLE_DEVICES renumbers the devices of CUDA, not those of NVML.
            return cls.find_by_uuid(str(torch.cuda.get_device_properties(torch.cuda.current_device()).uuid))
        return None

    @classmethod
    def find_by_uuid(cls, uuid: str) -> NvmlGpu | None:
        """Find the GPU with this UUID; None if the package, the driver or the GPU is missing."""
        with contextlib.suppress(Exception):
            nvml = importlib.import_module("pynvml")
            nvml.nvmlInit()
            # CUDA's UUID has no prefix. A part of a GPU has another prefix than a whole one.
            for prefix in ("GPU", "MIG"):
                with contextlib.suppress(Exception):
                    return cls(nvml, nvml.nvmlDeviceGetHandleByUUID(f"{prefix}-{uuid}"))
        return None

    def read_mhz(self) -> float | None:
        """Read the clock of its multiprocessors, in MHz."""
        with contextlib.suppress(Exception):
            return float(self.nvml.nvmlDeviceGetClockInfo(self.handle, self.nvml.NVML_CLOCK_SM))
        return None

    def read_slowdown(self) -> str | None:
        """Read why it is slowed down now; None if it isn't."""
        # Drivers and packages before 2023 know the second name.
        for name in ("nvmlDeviceGetCurrentClocksEventReasons", "nvmlDeviceGetCurrentClocksThrottleReasons"):
            with contextlib.suppress(Exception):
                reasons = getattr(self.nvml, name)(self.handle)
                return next((text for bit, text in REASONS.items() if reasons & bit), None)
        return None

    def read_heat_s(self) -> float | None:
        """Read for how many seconds, since an arbitrary start, heat kept it below the clock that is set."""
        with contextlib.suppress(Exception):
            policy = self.nvml.NVML_PERF_POLICY_THERMAL
            status = self.nvml.nvmlDeviceGetViolationStatus(self.handle, policy)
            return float(status.violationTime) * 1e-9
        # CUDA 14 is to remove the first query.
        with contextlib.suppress(Exception):
            (field,) = self.nvml.nvmlDeviceGetFieldValues(
                self.handle, [self.nvml.NVML_FI_DEV_PERF_POLICY_THERMAL]
            )
            if field.nvmlReturn == self.nvml.NVML_SUCCESS:
                return float(field.value.ullVal) * 1e-9
        return None

    def read_utilization(self) -> float | None:
        """Read the share of the driver's last sample period in which any process's kernel ran on it."""
        with contextlib.suppress(Exception):
            return float(self.nvml.nvmlDeviceGetUtilizationRates(self.handle).gpu) / 100
        return None

    def read_memory_bytes(self) -> int | None:
        """Read how much of its memory all processes use, in bytes; without the driver's own part if known."""
        with contextlib.suppress(Exception):
            memory = self.nvml.nvmlDeviceGetMemoryInfo(self.handle, version=self.nvml.nvmlMemory_v2)
            # `used` has the driver's part in it by NVML's documents, and has not by what drivers return.
            return max(0, int(memory.total) - int(memory.reserved) - int(memory.free))
        with contextlib.suppress(Exception):
            return int(self.nvml.nvmlDeviceGetMemoryInfo(self.handle).used)
        return None

    def read_facts(self) -> dict[str, Any]:
        """Read driver, limits and PCIe link. An idle GPU's link may run below its maximum."""
        nvml, handle = self.nvml, self.handle
        milliwatts = find_answer(
            lambda: nvml.nvmlDeviceGetEnforcedPowerLimit(handle),
            lambda: nvml.nvmlDeviceGetPowerManagementLimit(handle),
        )
        return {
            "driver": find_answer(lambda: nvml.nvmlSystemGetDriverVersion()),
            "power_limit_w": None if milliwatts is None else milliwatts / 1000,
            "max_sm_mhz": find_answer(lambda: nvml.nvmlDeviceGetMaxClockInfo(handle, nvml.NVML_CLOCK_SM)),
            "pcie_generation": find_answer(lambda: nvml.nvmlDeviceGetCurrPcieLinkGeneration(handle)),
            "max_pcie_generation": find_answer(lambda: nvml.nvmlDeviceGetMaxPcieLinkGeneration(handle)),
            "pcie_width": find_answer(lambda: nvml.nvmlDeviceGetCurrPcieLinkWidth(handle)),
            "max_pcie_width": find_answer(lambda: nvml.nvmlDeviceGetMaxPcieLinkWidth(handle)),
        }


def find_answer(*queries: Callable[[], Any]) -> Any:
    """Return the answer of the first query that doesn't fail; None if all fail."""
    for query in queries:
        with contextlib.suppress(Exception):
            return query()
    return None
