"""Answers of NVML about a GPU, and None for each that is missing."""

from __future__ import annotations

import sys
from types import SimpleNamespace

import pytest

from bench.machine.nvml import NvmlGpu
from tests.bench.machine.fake_nvml import FACTS, GIB, failing, memory_info, nvml

READ = {
    "read_mhz": 1755.0, "read_slowdown": "thermal", "read_heat_s": 1.5e-3, "read_utilization": 0.43,
    "read_memory_bytes": 3 * GIB,
}  # fmt: skip


def read(module) -> dict:
    """Return all readings that change."""
    return {name: getattr(NvmlGpu(module, "h"), name)() for name in READ}


def test_all_that_nvml_tells() -> None:
    """Readings are in MHz, seconds, shares of one, bytes and watts."""
    assert read(nvml()) == pytest.approx(READ)
    assert NvmlGpu(nvml(), "h").read_facts() == FACTS


def test_the_package_has_what_is_asked_of_it() -> None:
    """The real package has every name of the stand-in, with the values of its numbers."""
    package = pytest.importorskip("pynvml")
    assert [name for name in vars(nvml()) if not hasattr(package, name)] == []
    for name, value in vars(nvml()).items():
        if isinstance(value, int):
            assert getattr(package, name) == value
    assert {"total", "reserved", "free"} <= set(dict(package.c_nvmlMemory_v2_t._fields_))


@pytest.mark.parametrize("missing", [False, True], ids=["fails", "missing"])
@pytest.mark.parametrize(
    ("query", "read_now", "facts"),
    [
        ("nvmlDeviceGetClockInfo", {"read_mhz": None}, {}),
        ("nvmlDeviceGetCurrentClocksEventReasons", {"read_slowdown": "power brake"}, {}),
        ("nvmlDeviceGetViolationStatus", {"read_heat_s": 2.5e-3}, {}),
        ("nvmlDeviceGetUtilizationRates", {"read_utilization": None}, {}),
        ("nvmlDeviceGetMemoryInfo", {"read_memory_bytes": None}, {}),
        ("nvmlSystemGetDriverVersion", {}, {"driver": None}),
        ("nvmlDeviceGetEnforcedPowerLimit", {}, {"power_limit_w": 700.0}),
        ("nvmlDeviceGetMaxClockInfo", {}, {"max_sm_mhz": None}),
        ("nvmlDeviceGetCurrPcieLinkGeneration", {}, {"pcie_generation": None}),
        ("nvmlDeviceGetMaxPcieLinkGeneration", {}, {"max_pcie_generation": None}),
        ("nvmlDeviceGetCurrPcieLinkWidth", {}, {"pcie_width": None}),
        ("nvmlDeviceGetMaxPcieLinkWidth", {}, {"max_pcie_width": None}),
    ],
)
def test_one_query_that_fails_takes_no_other_with_it(query, read_now, facts, missing) -> None:
    """The GPU, its driver or the package may not know a query."""
    module = nvml(**{query: None if missing else failing})
    assert read(module) == pytest.approx(READ | read_now)
    assert NvmlGpu(module, "h").read_facts() == FACTS | facts


def test_a_gpu_that_tells_nothing_is_unknown() -> None:
    """All readings are None, and none is 0."""
    queries = [name for name in vars(nvml()) if name.startswith("nvmlDevice") or "Driver" in name]
    mute = nvml(**dict.fromkeys(queries, failing))
    assert read(mute) == dict.fromkeys(READ)
    assert NvmlGpu(mute, "h").read_facts() == dict.fromkeys(FACTS)


@pytest.mark.parametrize(
    ("reasons", "slowed"),
    [
        (0x40, "thermal"),
        (0x20, "thermal"),
        (0x80 | 0x08, "power brake"),
        (0x08, "hardware slowdown"),
        (0x01 | 0x02 | 0x04 | 0x10 | 0x100, None),
    ],
)
def test_why_a_gpu_is_slow(reasons, slowed) -> None:
    """Idleness, settings and the power limit that every loaded GPU meets are no slowdown."""
    assert (
        NvmlGpu(nvml(nvmlDeviceGetCurrentClocksEventReasons=lambda handle: reasons), "h").read_slowdown()
        == slowed
    )


def test_a_counter_that_the_gpu_does_not_have_is_unknown() -> None:
    """The newer query answers for each counter by itself."""
    refused = [SimpleNamespace(nvmlReturn=3, value=SimpleNamespace(ullVal=0))]
    module = nvml(nvmlDeviceGetViolationStatus=failing, nvmlDeviceGetFieldValues=lambda *_: refused)
    assert NvmlGpu(module, "h").read_heat_s() is None


@pytest.mark.parametrize("used", [3 * GIB, 3.5 * GIB], ids=["without", "with"])
def test_memory_in_use_is_without_what_the_driver_keeps(used) -> None:
    """It doesn't matter whether `used` includes it."""
    told = SimpleNamespace(total=80 * GIB, reserved=GIB / 2, free=76.5 * GIB, used=used)
    assert NvmlGpu(nvml(nvmlDeviceGetMemoryInfo=lambda *_, **__: told), "h").read_memory_bytes() == 3 * GIB


def test_a_package_or_driver_without_the_second_version_tells_the_first() -> None:
    """The first version includes the driver's part."""

    def first_only(handle, version=None):
        return failing() if version else memory_info(handle)

    assert NvmlGpu(nvml(nvmlMemory_v2=None), "h").read_memory_bytes() == 3.5 * GIB
    assert (
        NvmlGpu(nvml(nvmlDeviceGetMemoryInfo=lambda handle: memory_info(handle)), "h").read_memory_bytes()
        == 3.5 * GIB
    )
    assert NvmlGpu(nvml(nvmlDeviceGetMemoryInfo=first_only), "h").read_memory_bytes() == 3.5 * GIB


def test_the_gpu_is_found_by_the_name_of_the_current_device(monkeypatch) -> None:
    """CUDA_VISIBLE_DEVICES renumbers CUDA's devices, not those of NVML."""
    monkeypatch.setitem(sys.modules, "pynvml", nvml())
    monkeypatch.setattr("torch.cuda.current_device", lambda: 3)
    monkeypatch.setattr("torch.cuda.get_device_properties", lambda i: SimpleNamespace(uuid=f"uuid-{i}"))
    assert NvmlGpu.find().handle == "handle of GPU-uuid-3"


def test_a_part_of_a_gpu_is_found_too(monkeypatch) -> None:
    """Its UUID has another prefix."""
    known = {"MIG-u": "a part"}
    monkeypatch.setitem(sys.modules, "pynvml", nvml(nvmlDeviceGetHandleByUUID=known.__getitem__))
    assert NvmlGpu.find_by_uuid("u").handle == "a part"
    assert NvmlGpu.find_by_uuid("v") is None


@pytest.mark.parametrize("module", [None, nvml(nvmlInit=failing)], ids=["no package", "no driver"])
def test_without_package_or_driver_there_is_no_gpu(monkeypatch, module) -> None:
    """The GPU is unknown, and no error is raised."""
    monkeypatch.setitem(sys.modules, "pynvml", module)
    monkeypatch.setattr("torch.cuda.current_device", lambda: 0)
    monkeypatch.setattr("torch.cuda.get_device_properties", lambda i: SimpleNamespace(uuid="u"))
    assert NvmlGpu.find() is None
