"""torch, torchvision and the GPU that torch finds."""

from __future__ import annotations

import sys
import types
from pathlib import Path

import pytest

from bench.machine import nvidia_smi, package_checks
from bench.machine.gpu import GpuSnapshot
from tests.bench.machine.fake_root import write


def fake_torch(*, available: bool = False, cuda: str | None = "12.4", error: str = "") -> types.ModuleType:
    """Make a torch as far as the check of the GPU looks at it."""

    def fail(*_: object, **__: object) -> None:
        raise RuntimeError(error)

    torch = types.ModuleType("torch")
    torch.__version__ = "2.9.0"
    torch.version = types.SimpleNamespace(cuda=cuda)
    torch.cuda = types.SimpleNamespace(is_available=lambda: available, init=fail)
    torch.ones = fail
    return torch


DEVICE = {"dev/nvidia0": "", "proc/driver/nvidia/version": "NVRM version: Kernel Module  535.129.03  Oct"}


@pytest.mark.parametrize(
    ("torch", "files", "try_it", "verdict", "told"),
    [
        (fake_torch(), {}, False, "ok", "none that CUDA can use"),
        (fake_torch(), {"proc/driver/nvidia/version": ""}, False, "ok", "docker: --gpus all"),
        (fake_torch(cuda=None), {}, False, "ok", "none that CUDA can use"),
        (fake_torch(cuda=None), DEVICE, False, "warn", "torch 2.9.0 is built without CUDA"),
        (
            fake_torch(error="driver too old"),
            DEVICE,
            False,
            "warn",
            "can't start: RuntimeError: driver too old",
        ),
        (fake_torch(available=True), DEVICE, False, "ok", "Some GPU, CUDA 12.4, driver 535.129.03"),
        (fake_torch(available=True, error="no kernel image"), DEVICE, True, "fail", "no kernel image"),
    ],
)
def test_gpu(torch, files, try_it, verdict, told, tmp_path: Path, monkeypatch) -> None:
    """A GPU that CUDA can't use is a concern, with torch's reason. No GPU is none."""
    monkeypatch.setitem(sys.modules, "torch", torch)
    monkeypatch.setattr(package_checks, "inspect_gpu", lambda: GpuSnapshot({"name": "Some GPU"}, None, None))
    monkeypatch.setattr(nvidia_smi.shutil, "which", lambda _: None)
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    found = package_checks.check_gpu(write(tmp_path, files), try_it=try_it)
    assert found[0] == verdict
    assert told in found[1]
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    if verdict == "warn":
        assert package_checks.check_gpu(tmp_path)[0] == "ok"


GIB = 2**30


@pytest.mark.parametrize(
    ("seen", "measured", "verdict", "told"),
    [
        (
            GpuSnapshot({"name": "Some GPU"}, 0.16, 3 * GIB),
            True,
            "warn",
            "in use 16% of the time now, with 3 GiB",
        ),
        (GpuSnapshot({"name": "Some GPU"}, 0.16, 3 * GIB), False, "ok", "Some GPU, CUDA 12.4"),
        (GpuSnapshot({"name": "Some GPU"}, 0.15, 3 * GIB), True, "ok", "Some GPU, CUDA 12.4"),
        (GpuSnapshot({"name": "Some GPU"}, 0.99, 0), True, "ok", "Some GPU, CUDA 12.4"),
        (GpuSnapshot({"name": "Some GPU"}, None, 3 * GIB), True, "ok", "Some GPU, CUDA 12.4"),
        (GpuSnapshot({"name": "Some GPU"}, 0.99, None), True, "ok", "Some GPU, CUDA 12.4"),
        (None, True, "warn", "a GPU, CUDA 12.4: the process that should look at it fails"),
        (None, False, "ok", "a GPU, CUDA 12.4"),
    ],
    ids=["others", "not measured", "quiet", "driver", "use unknown", "memory unknown", "failed", "no matter"],
)
def test_who_else_uses_the_gpu(seen, measured, verdict, told, tmp_path: Path, monkeypatch) -> None:
    """Use without memory is the driver's. A failed look is a concern if the GPU is measured."""
    monkeypatch.setitem(sys.modules, "torch", fake_torch(available=True))
    monkeypatch.setattr(package_checks, "inspect_gpu", lambda: seen)
    found = package_checks.check_gpu(tmp_path, measured=measured)
    assert found[0] == verdict
    assert told in found[1]
    assert (verdict == "ok") == (found[2] is None)


@pytest.mark.parametrize(
    ("version", "verdict"), [("2.5.1+cu121", "fail"), ("1.13", "fail"), ("2.6.0a0", "ok"), ("2.15.0", "ok")]
)
def test_the_oldest_torch(version: str, verdict: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is 2.6, and 2.15 is newer."""
    torch = fake_torch()
    torch.__version__ = version
    monkeypatch.setitem(sys.modules, "torch", torch)
    assert package_checks.check_torch()[0] == verdict
