"""The look at the GPU by another process, and the failures of that process."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from types import SimpleNamespace

import pytest
import torch

from bench.machine import gpu, nvidia_smi
from bench.machine.gpu import GpuSnapshot, inspect_gpu
from bench.machine.nvml import NvmlGpu
from bench.process.fresh_interpreter import MARK, read_answers
from tests.bench.machine.fake_nvml import FACTS, GIB, failing, nvml
from tests.bench.machine.fake_program import runs_scripts, write_program

SEEN = {"facts": {"name": "Some GPU", "driver": None}, "utilization": None, "used_bytes": 5}


TELL = f"print('noise'); print({MARK + json.dumps(SEEN)!r}, flush=True)"


@pytest.fixture
def looked(tmp_path, monkeypatch):
    """Return a function that looks at the GPU by means of a program."""

    def by(text: str) -> GpuSnapshot | None:
        monkeypatch.setattr(sys, "executable", write_program(tmp_path / "python", text))
        return inspect_gpu()

    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    inspect_gpu.cache_clear()
    yield by
    inspect_gpu.cache_clear()


@runs_scripts
def test_the_look_is_what_the_other_process_tells(looked) -> None:
    """Noise doesn't count, nor does a driver that crashes at the end."""
    crash = "; import os; os.abort()"
    assert looked(TELL + crash) == GpuSnapshot(**SEEN)


@runs_scripts
def test_it_is_looked_at_once(looked) -> None:
    """A look takes as long as importing torch."""
    first = looked(TELL)
    assert looked("raise SystemExit(1)") is first


@runs_scripts
@pytest.mark.parametrize(
    "text",
    [
        "raise RuntimeError('no driver')",
        "import os; os.abort()",
        "print('nothing of it')",
        f"""print('{MARK}{{"facts": {{')""",
        f"""print('{MARK}{{"other": 1}}')""",
    ],
    ids=["fails", "crashes", "mute", "cut", "other"],
)
def test_a_process_that_fails_to_look_tells_nothing(looked, text, capfd) -> None:
    """Its errors are not shown."""
    assert looked(text) is None
    assert capfd.readouterr() == ("", "")


@runs_scripts
def test_a_process_that_hangs_is_ended(looked, tmp_path, monkeypatch) -> None:
    """It is killed at its deadline, though it ignores other signals."""
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
    """A program that embeds Python may know no interpreter."""
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(sys, "executable", "/nowhere/python")
    inspect_gpu.cache_clear()
    assert inspect_gpu() is None
    inspect_gpu.cache_clear()


def test_without_a_gpu_no_process_is_started(monkeypatch) -> None:
    """The process would take as long as importing torch."""
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(subprocess, "Popen", failing)
    inspect_gpu.cache_clear()
    assert inspect_gpu() is None
    inspect_gpu.cache_clear()


@pytest.fixture
def device_1(monkeypatch) -> None:
    """Let CUDA_VISIBLE_DEVICES admit only the GPU that NVML calls the second."""
    properties = SimpleNamespace(name="NVIDIA H100", total_memory=80 * GIB, major=9, minor=0, uuid="second")
    monkeypatch.setattr("torch.cuda.current_device", lambda: 0)
    monkeypatch.setattr("torch.cuda.get_device_properties", {0: properties}.__getitem__)
    monkeypatch.setattr("torch.cuda.device_count", lambda: 1)


CUDA_FACTS = {
    "name": "NVIDIA H100", "memory_bytes": 80 * GIB, "capability": "9.0", "count": 1, "fused_step": "triton",
}  # fmt: skip  # fmt: skip


@pytest.fixture(autouse=True)
def triton(monkeypatch) -> None:
    """Let Triton work."""
    monkeypatch.setattr("model.fused_step.find_problem", lambda *_: None)


def told(capsys) -> GpuSnapshot:
    """Return the snapshot that the other process prints."""
    gpu.print_snapshot()
    (answer,) = read_answers(capsys.readouterr().out)
    return GpuSnapshot(**answer)


def test_the_other_process_tells_of_the_device_that_trials_use(device_1, monkeypatch, capsys) -> None:
    """The UUID finds the device, and is not in the snapshot."""
    limits = {"GPU-first": 1, "GPU-second": 350_000}
    module = nvml(
        nvmlDeviceGetHandleByUUID={name: name for name in limits}.__getitem__,
        nvmlDeviceGetEnforcedPowerLimit=limits.__getitem__,
    )
    monkeypatch.setitem(sys.modules, "pynvml", module)
    found = told(capsys)
    assert found.facts == CUDA_FACTS | FACTS | {"power_limit_w": 350.0}
    assert (found.utilization, found.used_bytes) == (0.43, 3 * GIB)


def test_without_the_package_nvidia_smi_is_asked(device_1, monkeypatch, capsys) -> None:
    """The driver brings it. The use of the GPU stays unknown."""
    monkeypatch.setitem(sys.modules, "pynvml", None)
    monkeypatch.setattr(nvidia_smi, "query_facts", lambda uuid: {"second": FACTS}[uuid])
    assert told(capsys) == GpuSnapshot(CUDA_FACTS | FACTS, None, None)


@pytest.mark.cuda
@pytest.mark.alone
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs CUDA")
def test_a_real_gpu() -> None:
    """The snapshot is of the GPU that torch computes on."""
    inspect_gpu.cache_clear()
    seen = inspect_gpu()
    assert seen is not None
    assert seen.facts["name"] == torch.cuda.get_device_name(0)
    assert seen.facts["memory_bytes"] == torch.cuda.get_device_properties(0).total_memory
    before = NvmlGpu.find()
    if before is None:
        pytest.skip("needs nvidia-ml-py")
    held = before.read_memory_bytes()
    kept = torch.ones(64 * 2**20, dtype=torch.uint8, device="cuda")
    torch.cuda.synchronize()
    assert held is None or before.read_memory_bytes() >= held + kept.numel()
    assert before.read_mhz() is None or before.read_mhz() > 0
