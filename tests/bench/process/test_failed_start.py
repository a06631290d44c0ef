"""Commands whose imports fail."""

from __future__ import annotations

import os
import subprocess
import sys
from types import ModuleType

import pytest

from bench.process.failed_start import end_start, report_failed_start
from tests.paths import ROOT


@pytest.fixture
def hook(monkeypatch):
    """Begin a command in this process."""
    monkeypatch.setattr(sys, "excepthook", sys.__excepthook__)
    report_failed_start()


def report(error: Exception) -> None:
    with pytest.raises(SystemExit) as left:
        sys.excepthook(type(error), error, error.__traceback__)
    assert left.value.code == 2


def test_an_exception_is_one_line(hook, capsys) -> None:
    """Some texts begin with an empty line, and go on for pages."""
    try:
        raise ValueError("\nInvalid log settings: garbage\nValid settings: all")
    except ValueError as error:
        line = error.__traceback__.tb_lineno
        report(error)
    expected = (
        f"error: the command can't start: ValueError: Invalid log settings: garbage ({__file__}:{line})\n"
    )
    assert capsys.readouterr().err == expected


def test_modules_that_hide_python_s_are_named(hook, capsys, monkeypatch) -> None:
    """Compiled ones lie in another folder on Windows, and are Python's."""
    for name, file in (("_ctypes", "C:\\Python\\DLLs\\_ctypes.pyd"), ("queue", "/home/user/lib/queue.py")):
        module = ModuleType(name)
        module.__file__ = file
        monkeypatch.setitem(sys.modules, name, module)
    report(AttributeError("no Queue"))
    assert capsys.readouterr().err == (
        "error: the command can't start: AttributeError: no Queue; /home/user/lib/queue.py hides Python's "
        "own: rename it, or change PYTHONPATH\n"
    )


def test_a_closed_standard_error_is_no_error(hook, monkeypatch) -> None:
    monkeypatch.setattr(sys, "stderr", None)
    report(ImportError())


def test_a_command_that_has_begun_reports_as_python_does(hook) -> None:
    end_start()
    assert sys.excepthook is sys.__excepthook__


def test_another_hook_stays(monkeypatch) -> None:
    """A site's own reporter may have been set meanwhile."""
    monkeypatch.setattr(sys, "excepthook", print)
    end_start()
    assert sys.excepthook is print


def test_a_module_of_pythonpath_ends_a_command_in_one_line(tmp_path) -> None:
    (tmp_path / "tempfile.py").touch()
    done = subprocess.run(
        [sys.executable, "-m", "bench.plot", "--help"],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert done.stderr.startswith("error: the command can't start: AttributeError: ")
    assert f"; {tmp_path / 'tempfile.py'} hides Python's own: rename it" in done.stderr
    assert done.stderr.count("\n") == 1
