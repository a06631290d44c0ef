"""What NVML and nvidia-smi tell of a GPU, and what becomes of it where they don't."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch

from bench.machine import gpu
from bench.machine.gpu import GpuSnapshot, inspect_gpu
from bench.machine.nvml import NvmlGpu

GIB = 2**30
runs_scripts = pytest.mark.skipif(sys.platform == "win32", reason="no script can stand for a program there")


class NVMLError(Exception):
    """As pynvml's."""


def failing(*arguments, **options):
    raise NVMLError


def memory_info(handle, version=None) -> SimpleNamespace:
    """80 GiB, of which the driver keeps half a GiB for itself and 3 are in use."""
    if version is None:
        return SimpleNamespace(total=80 * GIB, free=76.5 * GIB, used=3.5 * GIB)
    assert version == 0x02000028
    return SimpleNamespace(total=80 * GIB, reserved=GIB / 2, free=76.5 * GIB, used=3 * GIB)


def violation(handle, policy) -> SimpleNamespace:
    """Heat, not power, for a millisecond and a half."""
    return SimpleNamespace(referenceTime=10**15, violationTime={0: 9 * 10**9, 1: 1_500_000}[policy])


def fields(handle, ids) -> list[SimpleNamespace]:
    """The same of the newer counters."""
    return [SimpleNamespace(nvmlReturn=0, value=SimpleNamespace(ullVal={75: 2_500_000}[i])) for i in ids]


def nvml(**others) -> SimpleNamespace:
    """The module pynvml on a machine with an H100; None takes a name away."""
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


READ = {"mhz": 1755.0, "slowed": "thermal", "heat_s": 1.5e-3, "utilization": 0.43, "memory_bytes": 3 * GIB}
FACTS = {
    "driver": "580.65.06", "power_limit_w": 650.0, "max_sm_mhz": 1980, "pcie_generation": 1,
    "max_pcie_generation": 5, "pcie_width": 8, "max_pcie_width": 16,
}  # fmt: skip


def read(module) -> dict:
    """All that is read at an instant."""
    return {name: getattr(NvmlGpu(module, "h"), name)() for name in READ}


def test_all_that_nvml_tells() -> None:
    """Shares of one, seconds, bytes, watts."""
    assert read(nvml()) == pytest.approx(READ)
    assert NvmlGpu(nvml(), "h").facts() == FACTS


def test_the_package_has_what_is_asked_of_it() -> None:
    """Names, and the value that asks for the second version of memory."""
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
        ("nvmlDeviceGetClockInfo", {"mhz": None}, {}),
        ("nvmlDeviceGetCurrentClocksEventReasons", {"slowed": "power brake"}, {}),
        ("nvmlDeviceGetViolationStatus", {"heat_s": 2.5e-3}, {}),
        ("nvmlDeviceGetUtilizationRates", {"utilization": None}, {}),
        ("nvmlDeviceGetMemoryInfo", {"memory_bytes": None}, {}),
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
    """Neither one that the GPU or its driver doesn't know, nor one that the package doesn't."""
    module = nvml(**{query: None if missing else failing})
    assert read(module) == pytest.approx(READ | read_now)
    assert NvmlGpu(module, "h").facts() == FACTS | facts


def test_a_gpu_that_tells_nothing_is_unknown() -> None:
    """None throughout, and never 0."""
    queries = [name for name in vars(nvml()) if name.startswith("nvmlDevice") or "Driver" in name]
    mute = nvml(**dict.fromkeys(queries, failing))
    assert read(mute) == dict.fromkeys(READ)
    assert NvmlGpu(mute, "h").facts() == dict.fromkeys(FACTS)


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
        NvmlGpu(nvml(nvmlDeviceGetCurrentClocksEventReasons=lambda handle: reasons), "h").slowed() == slowed
    )


def test_a_counter_that_the_gpu_does_not_have_is_unknown() -> None:
    """The newer query answers for each counter by itself."""
    refused = [SimpleNamespace(nvmlReturn=3, value=SimpleNamespace(ullVal=0))]
    module = nvml(nvmlDeviceGetViolationStatus=failing, nvmlDeviceGetFieldValues=lambda *_: refused)
    assert NvmlGpu(module, "h").heat_s() is None


@pytest.mark.parametrize("used", [3 * GIB, 3.5 * GIB], ids=["without", "with"])
def test_memory_in_use_is_without_what_the_driver_keeps(used) -> None:
    """Whether or not `used` has it in it: both can be read of it."""
    told = SimpleNamespace(total=80 * GIB, reserved=GIB / 2, free=76.5 * GIB, used=used)
    assert NvmlGpu(nvml(nvmlDeviceGetMemoryInfo=lambda *_, **__: told), "h").memory_bytes() == 3 * GIB


def test_a_package_or_driver_without_the_second_version_tells_the_first() -> None:
    """That has the driver's part in it."""

    def first_only(handle, version=None):
        return failing() if version else memory_info(handle)

    assert NvmlGpu(nvml(nvmlMemory_v2=None), "h").memory_bytes() == 3.5 * GIB
    assert (
        NvmlGpu(nvml(nvmlDeviceGetMemoryInfo=lambda handle: memory_info(handle)), "h").memory_bytes()
        == 3.5 * GIB
    )
    assert NvmlGpu(nvml(nvmlDeviceGetMemoryInfo=first_only), "h").memory_bytes() == 3.5 * GIB


def test_the_gpu_is_found_by_the_name_of_the_current_device(monkeypatch) -> None:
    """CUDA_VISIBLE_DEVICES renumbers CUDA's devices, not those of NVML."""
    monkeypatch.setitem(sys.modules, "pynvml", nvml())
    monkeypatch.setattr("torch.cuda.current_device", lambda: 3)
    monkeypatch.setattr("torch.cuda.get_device_properties", lambda i: SimpleNamespace(uuid=f"uuid-{i}"))
    assert NvmlGpu.find().handle == "handle of GPU-uuid-3"


def test_a_part_of_a_gpu_is_found_too(monkeypatch) -> None:
    """Its name begins otherwise."""
    known = {"MIG-u": "a part"}
    monkeypatch.setitem(sys.modules, "pynvml", nvml(nvmlDeviceGetHandleByUUID=known.__getitem__))
    assert NvmlGpu.named("u").handle == "a part"
    assert NvmlGpu.named("v") is None


@pytest.mark.parametrize("module", [None, nvml(nvmlInit=failing)], ids=["no package", "no driver"])
def test_without_package_or_driver_there_is_no_gpu(monkeypatch, module) -> None:
    """Unknown, not an error."""
    monkeypatch.setitem(sys.modules, "pynvml", module)
    monkeypatch.setattr("torch.cuda.current_device", lambda: 0)
    monkeypatch.setattr("torch.cuda.get_device_properties", lambda i: SimpleNamespace(uuid="u"))
    assert NvmlGpu.find() is None


def program(path: Path, text: str) -> str:
    """A program in Python, to be run by its name."""
    path.write_text(f"#!{os.path.realpath(sys.executable)}\n{text}\n")
    path.chmod(0o755)
    return str(path)


SEEN = {"facts": {"name": "Some GPU", "driver": None}, "utilization": None, "used_bytes": 5}
TELL = f"print('noise'); print('loaderbench-gpu ' + {json.dumps(SEEN)!r}, flush=True)"


@pytest.fixture
def looked(tmp_path, monkeypatch):
    """A function: the look, where the process that looks is this program."""

    def by(text: str) -> GpuSnapshot | None:
        monkeypatch.setattr(sys, "executable", program(tmp_path / "python", text))
        return inspect_gpu()

    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    inspect_gpu.cache_clear()
    yield by
    inspect_gpu.cache_clear()


@runs_scripts
def test_the_look_is_what_the_other_process_tells(looked) -> None:
    """Whatever else it prints, and however it ends: a driver may well crash at the end."""
    crash = "; import os; os.abort()"
    assert looked(TELL + crash) == GpuSnapshot(**SEEN)


@runs_scripts
def test_it_is_looked_at_once(looked) -> None:
    """What is on the machine stays there, and looking takes as long as importing torch."""
    first = looked(TELL)
    assert looked("raise SystemExit(1)") is first


@runs_scripts
@pytest.mark.parametrize(
    "text",
    [
        "raise RuntimeError('no driver')",
        "import os; os.abort()",
        "print('nothing of it')",
        "print('loaderbench-gpu {\"facts\": {')",
        "print('loaderbench-gpu {\"other\": 1}')",
    ],
    ids=["fails", "crashes", "mute", "cut", "other"],
)
def test_a_process_that_fails_to_look_tells_nothing(looked, text, capfd) -> None:
    """And what it says of that goes nowhere."""
    assert looked(text) is None
    assert capfd.readouterr() == ("", "")


@runs_scripts
def test_a_process_that_hangs_is_ended(looked, tmp_path, monkeypatch) -> None:
    """At its deadline, however deaf it is."""
    monkeypatch.setattr(gpu, "DEADLINE_S", 0.5)
    pid = tmp_path / "pid"
    deaf = (
        "import os, pathlib, signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); "
        f"pathlib.Path({str(pid)!r}).write_text(str(os.getpid())); time.sleep(60)"
    )
    start = time.monotonic()
    assert looked(deaf) is None
    assert time.monotonic() - start < 30
    if pid.exists():
        with pytest.raises(ProcessLookupError):
            os.kill(int(pid.read_text()), 0)


def test_a_process_that_cannot_be_started_tells_nothing(monkeypatch) -> None:
    """No interpreter is known where Python is part of another program."""
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(sys, "executable", "/nowhere/python")
    inspect_gpu.cache_clear()
    assert inspect_gpu() is None
    inspect_gpu.cache_clear()


def test_without_a_gpu_no_process_is_started(monkeypatch) -> None:
    """It would take as long as importing torch, on every machine."""
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(subprocess, "Popen", failing)
    inspect_gpu.cache_clear()
    assert inspect_gpu() is None
    inspect_gpu.cache_clear()


@pytest.fixture
def device_1(monkeypatch) -> None:
    """A machine of which CUDA_VISIBLE_DEVICES has let in the GPU that NVML calls the second."""
    properties = SimpleNamespace(name="NVIDIA H100", total_memory=80 * GIB, major=9, minor=0, uuid="second")
    monkeypatch.setattr("torch.cuda.current_device", lambda: 0)
    monkeypatch.setattr("torch.cuda.get_device_properties", {0: properties}.__getitem__)
    monkeypatch.setattr("torch.cuda.device_count", lambda: 1)


CUDA_FACTS = {
    "name": "NVIDIA H100", "memory_bytes": 80 * GIB, "capability": "9.0", "count": 1, "fused_step": "triton",
}  # fmt: skip


@pytest.fixture(autouse=True)
def triton(monkeypatch) -> None:
    """Nothing keeps it from being used."""
    monkeypatch.setattr("model.fused_step.find_problem", lambda *_: None)


def told(capsys) -> GpuSnapshot:
    """What the other process prints."""
    gpu.print_snapshot()
    (line,) = [line for line in capsys.readouterr().out.splitlines() if line.startswith(gpu.MARK)]
    return GpuSnapshot(**json.loads(line.removeprefix(gpu.MARK)))


def test_the_other_process_tells_of_the_device_that_trials_use(device_1, monkeypatch, capsys) -> None:
    """By its UUID, which isn't told any further."""
    limits = {"GPU-first": 1, "GPU-second": 350_000}
    module = nvml(
        nvmlDeviceGetHandleByUUID={name: name for name in limits}.__getitem__,
        nvmlDeviceGetEnforcedPowerLimit=limits.__getitem__,
    )
    monkeypatch.setitem(sys.modules, "pynvml", module)
    found = told(capsys)
    assert found.facts == CUDA_FACTS | FACTS | {"power_limit_w": 350.0}
    assert (found.utilization, found.used_bytes) == (0.43, 3 * GIB)


SMI = """
import sys
names = sys.argv[2].removeprefix("--query-gpu=").split(",")
assert sys.argv[1:] == ["--id=GPU-second", sys.argv[2], "--format=csv,noheader,nounits"], sys.argv
known = {known!r}
unknown = [name for name in names if name not in known]
if unknown:
    print(f'Field "{{unknown[0]}}" is not a valid field to query.')
    sys.exit(2)
print(", ".join(known[name] for name in names))
"""
SMI_TELLS = {
    "driver_version": "580.65.06", "enforced.power.limit": "650.00", "clocks.max.sm": "1980",
    "pcie.link.gen.gpucurrent": "1", "pcie.link.gen.max": "5", "pcie.link.width.current": "8",
    "pcie.link.width.max": "16",
}  # fmt: skip
UNKNOWN = dict.fromkeys(FACTS)


@runs_scripts
@pytest.mark.parametrize(
    ("smi", "facts"),
    [
        (SMI.format(known=SMI_TELLS), FACTS),
        (
            SMI.format(known=SMI_TELLS | {"pcie.link.gen.max": "[N/A]", "clocks.max.sm": "[Not Supported]"}),
            FACTS | {"max_pcie_generation": None, "max_sm_mhz": None},
        ),
        (SMI.format(known=SMI_TELLS | {"enforced.power.limit": "ERR!"}), FACTS | {"power_limit_w": None}),
        (SMI.format(known={"driver_version": "418.226"}), UNKNOWN | {"driver": "418.226"}),
        ("print('No devices were found'); raise SystemExit(6)", UNKNOWN),
        ("import time; time.sleep(60)", UNKNOWN),
        (None, UNKNOWN),
    ],
    ids=["all", "not all", "broken", "old", "no device", "hangs", "no program"],
)
def test_without_the_package_nvidia_smi_is_asked(device_1, tmp_path, monkeypatch, capsys, smi, facts) -> None:
    """It comes with the driver; use of the GPU stays unknown."""
    monkeypatch.setitem(sys.modules, "pynvml", None)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(gpu, "SMI_DEADLINE_S", 0.3 if smi and "sleep" in smi else 30.0)
    if smi:
        program(tmp_path / "nvidia-smi", smi)
    assert told(capsys) == GpuSnapshot(CUDA_FACTS | facts, None, None)


@pytest.mark.cuda
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs CUDA")
def test_a_real_gpu() -> None:
    """It is the one that torch computes on."""
    inspect_gpu.cache_clear()
    seen = inspect_gpu()
    assert seen is not None
    assert seen.facts["name"] == torch.cuda.get_device_name(0)
    assert seen.facts["memory_bytes"] == torch.cuda.get_device_properties(0).total_memory
    before = NvmlGpu.find()
    if before is None:
        pytest.skip("needs nvidia-ml-py")
    held = before.memory_bytes()
    kept = torch.ones(64 * 2**20, dtype=torch.uint8, device="cuda")
    torch.cuda.synchronize()
    assert held is None or before.memory_bytes() >= held + kept.numel()
    assert before.mhz() is None or before.mhz() > 0
