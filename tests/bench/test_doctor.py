"""The command: its lines, its exit codes, and that no broken package breaks it."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from rich.console import Console

from bench import doctor
from bench.machine.check import Check

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
    """Checks of the machine as given, packages as they should be."""
    monkeypatch.setattr(doctor, "package_checks_apart", lambda: [Check("torch", "ok", "2.9.1", None)])
    monkeypatch.setattr(doctor, "machine_checks", lambda needs, **_: iter([SOUND, WARNED]))


def run(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> int:
    """The exit code of the command."""
    monkeypatch.setattr(sys, "argv", ["doctor", *arguments])
    with pytest.raises(SystemExit) as left:
        doctor.main()
    return left.value.code


def packages(monkeypatch: pytest.MonkeyPatch, folder: Path, **modules: str) -> dict[str, Check]:
    """The checks of packages of this code, by name."""
    for name, code in modules.items():
        (folder / f"{name}.py").write_text(code)
    monkeypatch.setenv("PYTHONPATH", str(folder))
    return {check.name: check for check in doctor.package_checks_apart()}


def test_warnings_leave_with_0(quick: None, monkeypatch: pytest.MonkeyPatch, capsys) -> None:
    """Each check in a line, its cure in another one."""
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
    """Whatever else was found."""
    monkeypatch.setattr(doctor, "machine_checks", lambda needs, **_: iter([FAILED, WARNED]))
    assert run(monkeypatch, "--num-workers", "0") == 1
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "Without workers, for batches of 256:"
    assert lines[-1] == "1 failed, 1 warning, 3 in all."


def test_json(quick: None, monkeypatch: pytest.MonkeyPatch, capsys) -> None:
    """One object, and nothing else."""
    assert run(monkeypatch, "--json") == 0
    report = json.loads(capsys.readouterr().out)
    assert report["verdict"] == "warn"
    assert report["checks"][0] == {
        "name": "cores", "verdict": "ok", "found": "2 usable of 2", "cure": None,
    }  # fmt: skip


@pytest.mark.parametrize("arguments", [("--num-workers", "-1"), ("--batch-size", "many"), ("extra",)])
def test_bad_usage_is_one_line(arguments: tuple, monkeypatch: pytest.MonkeyPatch, capsys) -> None:
    """And exit code 2."""
    assert run(monkeypatch, *arguments) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("error: ")


def test_what_is_needed_follows_from_the_options(quick: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """Workers, batches, prefetched batches and their size; and where data and results lie."""
    seen = {}
    monkeypatch.setattr(
        doctor, "machine_checks", lambda needs, **folders: iter(seen.update(folders, needs=needs) or ())
    )
    run(monkeypatch, "--num-workers", "3", "--batch-size", "100", "--prefetch-factor", "4", "--resize", "64")
    assert seen["needs"] == doctor.needs_of(num_workers=3, batch_size=100, prefetch_factor=4, side=64)
    assert (seen["data_dir"], seen["out"]) == (Path("data"), Path("results"))


def test_lines_fit_a_terminal() -> None:
    """Broken between words, under each other."""
    out = io.StringIO()
    console = Console(file=out, width=80, force_terminal=True, color_system=None)
    doctor.print_check(console, WARNED)
    first, second, *others = out.getvalue().splitlines()
    assert first == "warn    load           56% of all cores in use now"
    assert second.startswith(" " * 23 + "-> wait until")
    assert others
    assert all(len(line) <= 80 and line.startswith(" " * 26) for line in others)


def test_names_from_outside_are_no_markup() -> None:
    """A folder's name can look like it."""
    out = io.StringIO()
    doctor.print_check(Console(file=out), Check("data folder", "ok", "[red]data[/] :smile:", None))
    assert "[red]data[/] :smile:" in out.getvalue()


def test_nothing_of_torch_is_imported() -> None:
    """It may be what is broken."""
    code = "import sys, bench.doctor; print({'torch', 'torchvision'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "set()\n"


def test_packages_in_order(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever they print."""
    noisy = f"print('hello', end='')\n{GOOD_TORCH}"
    found = packages(monkeypatch, tmp_path, torch=noisy, torchvision="__version__ = '0.24.1'")
    assert [(check.verdict, check.found) for check in found.values()][:2] == [
        ("ok", "2.9.1"),
        ("ok", "0.24.1"),
    ]
    assert found["gpu"].verdict in ("ok", "warn")


@pytest.mark.parametrize(
    ("code", "told"),
    [
        ("raise ImportError('libtorch_cpu.so: \\x1b[2J undefined symbol')", "ImportError: libtorch_cpu.so:"),
        ("raise SystemExit(3)", "SystemExit: 3"),
        ("raise ModuleNotFoundError('none', name='torch')", "ModuleNotFoundError: none"),
        ("raise KeyboardInterrupt", "the process that tried it ended: "),
        ("import os; os._exit(7)", "the process that tried it ended: exit code 7"),
        ("import os, signal; os.kill(os.getpid(), signal.SIGKILL)", "ended: killed by SIGKILL"),
        ("x = 1", "has no attribute '__version__'"),
        ("__version__ = '2.5.1'", "2.5.1, 2.6 is the oldest that will do"),
    ],
)
def test_a_broken_torch(code: str, told: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever importing it does, it fails in one line, with a cure."""
    found = packages(monkeypatch, tmp_path, torch=code, torchvision="__version__ = '0.24.1'")
    assert list(found) == list(doctor.PACKAGES)
    assert found["torch"].verdict == "fail"
    assert told in found["torch"].found
    assert found["torch"].found.isprintable()
    assert "pip install" in (found["torch"].cure or "")
    assert "fail" not in (found["torchvision"].verdict, found["gpu"].verdict)


def test_a_torchvision_built_for_another_torch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The real one without its library: what is left of it where the library can't be loaded."""
    code = "import torchvision; print(torchvision.__path__[0])"
    real = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    mixed = tmp_path / "torchvision"
    mixed.mkdir()
    for file in Path(real.stdout.strip()).iterdir():
        if not file.name.startswith("_C"):
            (mixed / file.name).symlink_to(file)
    found = packages(monkeypatch, tmp_path)
    assert found["torch"].verdict == "ok"
    assert found["torchvision"].verdict == "fail"
    assert "operator torchvision::nms does not exist" in found["torchvision"].found
    assert "from one index" in (found["torchvision"].cure or "")


def test_a_missing_torchvision(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It comes from where torch came from."""
    missing = "raise ModuleNotFoundError('none', name='torchvision')"
    found = packages(monkeypatch, tmp_path, torch=GOOD_TORCH, torchvision=missing)["torchvision"]
    assert (found.verdict, found.found) == ("fail", "not installed")


def test_the_command_beside_a_broken_torchvision(tmp_path: Path) -> None:
    """All of it: no traceback, no control sequence, exit code 1."""
    (tmp_path / "torch.py").write_text(GOOD_TORCH)
    (tmp_path / "torchvision.py").write_text(NMS)
    name = "x\x1b[31mred"
    done = subprocess.run(
        [sys.executable, "-m", "bench.doctor", "--out", str(tmp_path / name), "--data-dir", str(tmp_path)],
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": str(tmp_path)},
        check=False,
    )
    assert done.returncode == 1
    assert done.stderr == ""
    assert "\x1b" not in done.stdout
    assert (
        "fail    torchvision    doesn't fit this torch: RuntimeError: operator torchvision::nms"
        in done.stdout
    )
    assert not (tmp_path / name).exists()
