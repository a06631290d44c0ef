"""Files in the current folder that hide modules of Python or of libraries."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from bench.process.current_folder import move_current_folder
from tests.paths import ROOT


@pytest.fixture
def library(tmp_path, monkeypatch) -> str:
    """Make a folder with a library, and enter another folder."""
    (tmp_path / "site" / "rich").mkdir(parents=True)
    (tmp_path / "site" / "rich" / "__init__.py").touch()
    (tmp_path / "site" / "six.py").touch()
    (tmp_path / "user").mkdir()
    monkeypatch.chdir(tmp_path / "user")
    monkeypatch.setattr(sys, "path", [str(tmp_path / "user"), str(tmp_path / "site")])
    return str(tmp_path / "site")


def make_file(name: str) -> None:
    path = Path(name)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch()


@pytest.mark.parametrize("file", ["queue.py", "email/__init__.py", "rich.py", "rich/__init__.py", "six.py"])
def test_a_folder_that_hides_a_module_moves_behind_all(library, tmp_path, file) -> None:
    make_file(file)
    move_current_folder()
    assert sys.path == [library, str(tmp_path / "user")]


@pytest.mark.parametrize("file", ["train.py", "queue/data.csv", "rich/notes.txt", "queue.pyx", "my.queue.py"])
def test_a_folder_that_hides_nothing_stays(library, tmp_path, file) -> None:
    make_file(file)
    move_current_folder()
    assert sys.path == [str(tmp_path / "user"), library]


def test_a_folder_that_is_listed_twice_hides_nothing(library, tmp_path, monkeypatch) -> None:
    """An editable install lists the project that the command runs in."""
    make_file("train.py")
    monkeypatch.setattr(sys, "path", before := [str(tmp_path / "user"), library, "."])
    move_current_folder()
    assert sys.path == before


def test_the_own_folder_stays(library, monkeypatch) -> None:
    """A checkout that runs its own code takes no part of another installation."""
    monkeypatch.chdir(ROOT)
    monkeypatch.setattr(sys, "path", before := [str(ROOT), str(ROOT / "bench"), library])
    move_current_folder()
    assert sys.path == before


def test_a_folder_that_is_gone_stays(library, tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(sys, "path", before := [str(tmp_path / "gone"), library])
    move_current_folder()
    assert sys.path == before


@pytest.mark.parametrize(
    ("program", "module", "found", "reports"),
    [
        ("-m", "bench.sweep", "library", True),
        ("-m", "-Imbench.sweep", "library", True),
        ("-m", "mine.train", "user", False),
        ("train.py", "bench.sweep", "user", False),
        ("loaderbench", "bench.sweep", "user", True),
    ],
)
def test_commands_begin_beside_hidden_modules(tmp_path, program, module, found, reports) -> None:
    """A program that imports this package keeps its folder and its tracebacks."""
    (tmp_path / "click.py").write_text("__file__ = 'user'")
    path = [str(tmp_path), str(ROOT)]
    code = f"import sys; sys.argv[0], sys.orig_argv[-1] = {program!r}, {module!r}; sys.path[:1] = {path!r}"
    code += "; import bench, click, bench.process.failed_start as start"
    code += "; print('user' if click.__file__ == 'user' else 'library', sys.excepthook is start._report)"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr, done.stdout) == (0, "", f"{found} {reports}\n")


def test_all_that_a_command_imports_first_may_be_hidden(tmp_path) -> None:
    for name in ("random", "signal", "pathlib", "tempfile", "typing", "fnmatch"):
        (tmp_path / f"{name}.py").write_text("raise RuntimeError('hidden')")
    path = [str(tmp_path), str(ROOT)]
    code = "import sys; sys.argv[0], sys.orig_argv[-1] = '-m', 'bench.sweep'"
    code += f"; sys.path[:1] = {path!r}; import bench"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
