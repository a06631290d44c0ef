"""The command line: parts that are listed and chosen, and bad input."""

from __future__ import annotations

import json
import os

import click
import pytest
import torch

from bench.machine.cpu_checks import count_usable_cores
from bench.process import watchdog
from bench.records.errors import ResultsError
from tests.cuda import __main__ as module
from tests.cuda.__main__ import command
from tests.cuda.machine import LOOK, MachineError, look_at_machine, make_environment
from tests.cuda.part import Part


def call(*arguments: str) -> int:
    code: int = command.main(args=list(arguments), prog_name="cuda", standalone_mode=False)
    return code


@pytest.fixture
def parts(monkeypatch) -> None:
    """Small parts on a machine with a GPU."""
    small = [
        Part("one", "the first", 5.0, lambda setting: ["echo", "one", str(setting.rehearsal)]),
        Part("two", "the second", 5.0, lambda setting: ["echo", "two", f"{setting.bound_s:g}"]),
    ]
    monkeypatch.setattr(module, "PARTS", small)
    monkeypatch.setattr(module, "BY_NAME", {part.name: part for part in small})
    monkeypatch.setattr(
        module, "list_chosen", lambda names: [part for part in small if names is None or part.name in names]
    )
    machine = {"gpu": "a GPU", "torch": "2.11.0", "python": "3.12.3", "cores": 16, "cores_usable": 4.0}
    monkeypatch.setattr(module, "look_at_machine", lambda environment: machine)


def test_the_parts_are_listed(capsys) -> None:
    """With their bounds, and those that run only where they are named."""
    assert call("--list", "--bound", "tests=240") == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split()[:3] == ["tests", "240", "s"]
    assert lines[-2].startswith("quick")
    assert lines[-2].endswith("(only if it is named)")
    assert lines[-1].startswith("Together at most ")


def test_a_part_is_chosen_with_its_bound(parts, tmp_path, capsys) -> None:
    """No other part has a folder."""
    arguments = ["--out", str(tmp_path / "out"), "--archive", str(tmp_path / "all.tar.gz")]
    assert call("--only", "two", "--bound", "two=9", *arguments) == 0
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [
        "summary.json",
        "summary.txt",
        "two",
    ]
    assert (tmp_path / "out" / "two" / "output.txt").read_text() == "two 9\n"
    assert (tmp_path / "all.tar.gz").is_file()
    assert "1 passed" in capsys.readouterr().out


def test_parts_are_known_to_the_watchdog(parts, tmp_path, monkeypatch) -> None:
    """It ends them if this process is killed. Their variables name it."""
    monkeypatch.setenv(watchdog.TAG, "")
    monkeypatch.setattr(module, "start_watchdog", lambda: os.environ.update({watchdog.TAG: "a tag"}))
    shown = Part("shown", "prints a variable", 5.0, lambda setting: ["sh", "-c", f"echo ${watchdog.TAG}"])
    monkeypatch.setattr(module, "list_chosen", lambda names: [shown])
    assert call("--out", str(tmp_path / "out")) == 0
    assert (tmp_path / "out" / "shown" / "output.txt").read_text() == "a tag\n"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--only", "test"], "--only: 'test' is not one of tests, alone, .*; did you mean tests\\?"),
        (["--bound", "swep=9"], "--bound: 'swep' is not one of tests, .*; did you mean sweep\\?"),
        (["--bound", "tests"], "--bound: 'tests' is not a part with seconds from 1 to 3600, as tests=90"),
        (["--bound", "tests=0"], "--bound: 'tests=0' is not a part with seconds"),
        (["--archive", "/nowhere/a.tar.gz"], "--archive: '/nowhere/a.tar.gz' is not a file .tar.gz in a"),
        (["--archive", "a.zip"], "--archive: 'a.zip' is not a file .tar.gz"),
    ],
)
def test_bad_input_is_told_in_a_line(arguments, message) -> None:
    with pytest.raises(click.UsageError, match=message):
        call(*arguments)


def test_a_folder_with_files_is_refused(parts, tmp_path) -> None:
    """They might be results."""
    (tmp_path / "file").touch()
    with pytest.raises(ResultsError, match="is not empty; name a new folder"):
        call("--out", str(tmp_path))


def test_without_a_gpu_a_rehearsal_is_named(parts, monkeypatch, tmp_path) -> None:
    """Nothing runs, and no folder is made."""
    monkeypatch.setattr(module, "look_at_machine", lambda environment: {"gpu": None})
    with pytest.raises(MachineError, match="torch finds no CUDA device here; --rehearse tries the parts"):
        call("--out", str(tmp_path / "out"))
    assert not (tmp_path / "out").exists()


def test_a_rehearsal_sees_no_gpu() -> None:
    """Also where there is one."""
    assert make_environment(rehearsal=True)["CUDA_VISIBLE_DEVICES"] == ""


FAKE_TORCH = """
from types import SimpleNamespace
__version__ = "2.11.0"
version = SimpleNamespace(cuda="13.0")
cuda = SimpleNamespace(is_available=lambda: True, get_device_name=lambda: "a GPU")
"""


def test_a_process_of_its_own_looks_at_the_machine(tmp_path) -> None:
    """So this process needs no torch, and holds nothing on the GPU."""
    (tmp_path / "torch.py").write_text(FAKE_TORCH)
    machine = look_at_machine({**make_environment(rehearsal=False), "PYTHONPATH": str(tmp_path)})
    assert (machine["gpu"], machine["torch"], machine["cuda"]) == ("a GPU", "2.11.0", "13.0")
    assert {"python", "cores"} < set(machine)
    assert machine["cores_usable"] == count_usable_cores()


def test_the_look_asks_for_what_torch_has(capsys, monkeypatch) -> None:
    """It runs with the torch that is installed."""
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    exec(LOOK, {})
    machine = json.loads(capsys.readouterr().out)
    assert (machine["gpu"], machine["torch"]) == (None, torch.__version__)


def test_a_machine_without_torch_is_told(tmp_path) -> None:
    """The line says how the look at it ended."""
    (tmp_path / "torch.py").write_text("raise ImportError('no torch')")
    with pytest.raises(MachineError, match=r"it ended with exit code 1 \(ImportError: no torch"):
        look_at_machine({**make_environment(rehearsal=True), "PYTHONPATH": str(tmp_path)})
