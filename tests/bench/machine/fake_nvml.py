"""A stand-in for the module pynvml on a machine with an H100."""

from __future__ import annotations

from types import SimpleNamespace

GIB = 2**30


class NVMLError(Exception):
    """The error that pynvml raises."""


def failing(*arguments, **options):
    raise NVMLError


def memory_info(handle, version=None) -> SimpleNamespace:
    """Return 80 GiB, of which the driver keeps half a GiB and programs use 3."""
    if version is None:
        return SimpleNamespace(total=80 * GIB, free=76.5 * GIB, used=3.5 * GIB)
    assert version == 0x02000028
    return SimpleNamespace(total=80 * GIB, reserved=GIB / 2, free=76.5 * GIB, used=3 * GIB)


def violation(handle, policy) -> SimpleNamespace:
    """Return that heat slowed the GPU down for 1.5 ms."""
    return SimpleNamespace(referenceTime=10**15, violationTime={0: 9 * 10**9, 1: 1_500_000}[policy])


def fields(handle, ids) -> list[SimpleNamespace]:
    """Return that heat slowed the GPU down for 2.5 ms, by the newer counters."""
    return [SimpleNamespace(nvmlReturn=0, value=SimpleNamespace(ullVal={75: 2_500_000}[i])) for i in ids]


def nvml(**others) -> SimpleNamespace:
    """Make the module with other names; None removes a name."""
    names = {
        "NVMLError": NVMLError,
        "NVML_SUCCESS": 0,
        "NVML_CLOCK_SM": 1,
        "NVML_PERF_POLICY_THERMAL": 1,
        "NVML_FI_DEV_PERF_POLICY_THERMAL": 75,
        "nvmlMemory_v2": 0x02000028,
        "nvmlInit": lambda: None,
        "nvmlSystemGetDriverVersion": lambda: "580.65.06",
        "nvmlDeviceGetHandleByUUID": lambda uuid: f"handle of {uuid}",
        "nvmlDeviceGetClockInfo": lambda handle, clock: {1: 1755}[clock],
        "nvmlDeviceGetMaxClockInfo": lambda handle, clock: {1: 1980}[clock],
        "nvmlDeviceGetCurrentClocksEventReasons": lambda handle: 0x40,
        "nvmlDeviceGetCurrentClocksThrottleReasons": lambda handle: 0x80,
        "nvmlDeviceGetViolationStatus": violation,
        "nvmlDeviceGetFieldValues": fields,
        "nvmlDeviceGetUtilizationRates": lambda handle: SimpleNamespace(gpu=43, memory=7),
        "nvmlDeviceGetMemoryInfo": memory_info,
        "nvmlDeviceGetEnforcedPowerLimit": lambda handle: 650_000,
        "nvmlDeviceGetPowerManagementLimit": lambda handle: 700_000,
        "nvmlDeviceGetCurrPcieLinkGeneration": lambda handle: 1,
        "nvmlDeviceGetMaxPcieLinkGeneration": lambda handle: 5,
        "nvmlDeviceGetCurrPcieLinkWidth": lambda handle: 8,
        "nvmlDeviceGetMaxPcieLinkWidth": lambda handle: 16,
    }
    return SimpleNamespace(
        **{name: value for name, value in {**names, **others}.items() if value is not None}
    )


FACTS = {
    "driver": "580.65.06", "power_limit_w": 650.0, "max_sm_mhz": 1980, "pcie_generation": 1,
    "max_pcie_generation": 5, "pcie_width": 8, "max_pcie_width": 16,
}  # fmt: skip
