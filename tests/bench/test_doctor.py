"""The command's lines and exit codes, also beside broken packages."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from bench import doctor
from bench.machine.check import Check
from bench.machine.requirements import LoaderSettings, estimate_requirements
from tests.paths import ROOT

SOUND = Check("cores", "ok", "2 usable of 2", None)
WARNED = Check("load", "warn", "56% of all cores in use now", "wait until it is quiet" + ", or not" * 10)
FAILED = Check("/dev/shm", "fail", "64 MiB free", "docker: --shm-size=1g")
GOOD_TORCH = """
class cuda:
    is_available = staticmethod(lambda: False)
__version__ = "2.9.1"
"""
NMS = "raise RuntimeError('operator torchvision::nms does not exist')"


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Replace the checks of the machine and of the packages."""
    monkeypatch.setattr(doctor, "probe_packages", lambda: [Check("torch", "ok", "2.9.1", None)])
    monkeypatch.setattr(doctor, "check_machine", lambda needs, **_: iter([SOUND, WARNED]))


def run(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> int:
    """Run the command, and return its exit code."""
    monkeypatch.setattr(sys, "argv", ["doctor", *arguments])
    with pytest.raises(SystemExit) as left:
        doctor.main()
    return left.value.code


def test_warnings_leave_with_0(quick: None, monkeypatch: pytest.MonkeyPatch, capsys) -> None:
    """Each check is one line, and its cure another one."""
    assert run(monkeypatch) == 0
    assert capsys.readouterr().out.splitlines() == [
        "For 4 workers, batches of 256 and a prefetch factor of 2:",
        "ok      cores          2 usable of 2",
        "warn    load           56% of all cores in use now",
        f"                       -> {WARNED.cure}",
        "ok      torch          2.9.1",
        "0 failed, 1 warning, 3 in all. Nothing stands in the way of measuring.",
    ]


def test_a_failed_check_leaves_with_1(quick: None, monkeypatch: pytest.MonkeyPatch, capsys) -> None:
    """The other checks don't matter."""
    monkeypatch.setattr(doctor, "check_machine", lambda needs, **_: iter([FAILED, WARNED]))
    assert run(monkeypatch, "--num-workers", "0") == 1
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "Without workers, for batches of 256:"
    assert lines[-1] == "1 failed, 1 warning, 3 in all."


def test_json(quick: None, monkeypatch: pytest.MonkeyPatch, capsys) -> None:
    """One object is printed, and nothing else."""
    assert run(monkeypatch, "--json") == 0
    report = json.loads(capsys.readouterr().out)
    assert report["verdict"] == "warn"
    assert report["checks"][0] == {
        "name": "cores", "verdict": "ok", "found": "2 usable of 2", "cure": None,
    }  # fmt: skip


@pytest.mark.parametrize("arguments", [("--num-workers", "-1"), ("--batch-size", "many"), ("extra",)])
def test_bad_usage_is_one_line(arguments: tuple, monkeypatch: pytest.MonkeyPatch, capsys) -> None:
    """The exit code is 2."""
    assert run(monkeypatch, *arguments) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("error: ")


def test_requirements_follow_from_the_options(quick: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """The options decide the requirements and the folders."""
    seen = {}
    monkeypatch.setattr(
        doctor, "check_machine", lambda needs, **folders: iter(seen.update(folders, needs=needs) or ())
    )
    run(monkeypatch, "--num-workers", "3", "--batch-size", "100", "--prefetch-factor", "4", "--resize", "64")
    assert seen["needs"] == estimate_requirements(LoaderSettings(100, 3, 4, resize=64))
    assert (seen["data_dir"], seen["out"]) == (Path("data"), Path("results"))


def test_nothing_of_torch_is_imported() -> None:
    """torch may be broken."""
    code = "import sys, bench.doctor; print({'torch', 'torchvision'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    assert done.stdout == "set()\n"


@pytest.mark.parametrize(
    ("settings", "shown"),
    [
        ({"PYTHONIOENCODING": "utf-8"}, "é"),
        ({"PYTHONIOENCODING": "ascii"}, "\\xe9"),
        ({"PYTHONIOENCODING": "ascii", "TERM": "dumb", "COLUMNS": "1", "FORCE_COLOR": ""}, "\\xe9"),
    ],
    ids=["utf-8", "ascii", "narrow"],
)
def test_the_command_beside_a_broken_torchvision(tmp_path: Path, settings: dict, shown: str) -> None:
    """There is no traceback and no control sequence, and every letter can be shown."""
    (tmp_path / "torch.py").write_text(GOOD_TORCH)
    (tmp_path / "torchvision.py").write_text(NMS)
    name = "x\x1b[31mred é"
    done = subprocess.run(
        [sys.executable, "-m", "bench.doctor", "--out", str(tmp_path / name), "--data-dir", str(tmp_path)],
        capture_output=True,
        encoding="utf-8",
        env={**os.environ, "PYTHONPATH": f"{tmp_path}{os.pathsep}{ROOT}", **settings},
        check=False,
    )
    assert done.returncode == 1
    assert done.stderr == ""
    assert "\x1b" not in done.stdout
    assert (
        "fail    torchvision    doesn't fit this torch: RuntimeError: operator torchvision::nms"
        in done.stdout
    )
    assert f"x[31mred {shown} (to be made)" in done.stdout
    assert not (tmp_path / name).exists()
