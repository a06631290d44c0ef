"""Broken packages, which end another process."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from bench.machine import package_probe
from bench.machine.check import Check
from bench.machine.package_probe import PACKAGES, probe_packages

GOOD_TORCH = """
class cuda:
    is_available = staticmethod(lambda: False)
__version__ = "2.9.1"
"""


@pytest.fixture
def probe(tmp_path, monkeypatch):
    """Return a function that checks packages of some code, and returns the checks by name."""

    def find_checks(**modules: str) -> dict[str, Check]:
        for name, code in modules.items():
            (tmp_path / f"{name}.py").write_text(code)
        monkeypatch.syspath_prepend(tmp_path)
        return {check.name: check for check in probe_packages()}

    return find_checks


def test_packages_in_order(probe) -> None:
    """Packages may print anything."""
    noisy = f"print('hello', end='')\n{GOOD_TORCH}"
    found = probe(torch=noisy, torchvision="__version__ = '0.24.1'")
    assert list(found) == list(PACKAGES)
    assert [(check.severity, check.found) for check in found.values()][:2] == [
        ("ok", "2.9.1"),
        ("ok", "0.24.1"),
    ]
    assert found["gpu"].severity in ("ok", "warn")


@pytest.mark.parametrize(
    ("code", "words"),
    [
        ("raise ImportError('libtorch_cpu.so: \\x1b[2J undefined symbol')", "ImportError: libtorch_cpu.so:"),
        ("raise SystemExit(3)", "SystemExit: 3"),
        ("raise ModuleNotFoundError('none', name='torch')", "ModuleNotFoundError: none"),
        ("raise KeyboardInterrupt", "the process that tried it "),
        ("import os; os._exit(7)", "the process that tried it ended with exit code 7"),
        ("import os, signal; os.kill(os.getpid(), signal.SIGKILL)", "that tried it was killed by SIGKILL"),
        ("x = 1", "has no attribute '__version__'"),
        ("__version__ = '2.5.1'", "2.5.1: 2.6 or later is needed"),
    ],
)
def test_a_broken_torch(probe, code: str, words: str) -> None:
    """Its check fails in one line with a cure, and the others are made or unknown."""
    found = probe(torch=code, torchvision="__version__ = '0.24.1'")
    assert list(found) == list(PACKAGES)
    assert found["torch"].severity == "fail"
    assert words in found["torch"].found
    assert found["torch"].found.isprintable()
    assert "pip install" in (found["torch"].cure or "")
    assert "fail" not in (found["torchvision"].severity, found["gpu"].severity)


def test_a_torch_that_hangs(probe, monkeypatch) -> None:
    """Its check fails at the deadline, and the others are unknown."""
    monkeypatch.setattr(package_probe, "DEADLINE_S", 0.5)
    found = probe(torch="import time; time.sleep(600)")
    assert (found["torch"].severity, found["torch"].found) == (
        "fail", "the process that tried it takes more than 0.5 s",
    )  # fmt: skip
    assert [found[name].severity for name in PACKAGES[1:]] == ["unknown", "unknown"]


def test_a_torchvision_built_for_another_torch(probe, tmp_path: Path) -> None:
    """It is the real one without its compiled library."""
    code = "import torchvision; print(torchvision.__path__[0])"
    real = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    mixed = tmp_path / "torchvision"
    mixed.mkdir()
    for file in Path(real.stdout.strip()).iterdir():
        if not file.name.startswith("_C"):
            (mixed / file.name).symlink_to(file)
    found = probe()
    assert found["torch"].severity == "ok"
    assert found["torchvision"].severity == "fail"
    assert "operator torchvision::nms does not exist" in found["torchvision"].found
    assert "from one index" in (found["torchvision"].cure or "")


def test_a_missing_torchvision(probe) -> None:
    """The cure is to install it."""
    missing = "raise ModuleNotFoundError('none', name='torchvision')"
    found = probe(torch=GOOD_TORCH, torchvision=missing)["torchvision"]
    assert (found.severity, found.found) == ("fail", "not installed")
