"""Folders that hide our packages, and folders that don't."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from bench.process import search_path
from tests.paths import ROOT


@pytest.fixture
def own(tmp_path, monkeypatch) -> str:
    """Make a folder in which our packages are installed."""
    folder = tmp_path / "site-packages"
    for package in search_path.PACKAGES:
        (folder / package).mkdir(parents=True)
        (folder / package / "__init__.py").touch()
    monkeypatch.setattr(search_path, "OWN_FOLDER", folder)
    return str(folder)


@pytest.fixture
def user(tmp_path, monkeypatch) -> Path:
    """Make a user's folder, and enter it."""
    folder = tmp_path / "project"
    folder.mkdir()
    monkeypatch.chdir(folder)
    return folder


@pytest.mark.parametrize("entry", ["", "."])
@pytest.mark.parametrize("file", ["model.py", "loaders.py", "model/__init__.py"])
def test_a_file_that_hides_a_package_moves_behind(own, user, monkeypatch, entry, file) -> None:
    """The standard library stays before both, wherever our packages lie."""
    (user / file).parent.mkdir(exist_ok=True)
    (user / file).touch()
    monkeypatch.setattr(sys, "path", [entry, "/usr/lib/python", own, "/further"])
    search_path.prefer_own_packages()
    assert sys.path == ["/usr/lib/python", own, entry, "/further"]


@pytest.mark.parametrize("files", [[], ["utils.py"], ["bench/results.csv", "model/weights.pt"]])
def test_a_folder_that_hides_nothing_stays(own, user, monkeypatch, files) -> None:
    """Python prefers a package to folders of its name without code."""
    for file in files:
        (user / file).parent.mkdir(exist_ok=True)
        (user / file).touch()
    monkeypatch.setattr(sys, "path", before := ["", "/usr/lib/python", own])
    search_path.prefer_own_packages()
    assert sys.path == before


def test_an_own_folder_that_is_not_listed_is_added(own, user, monkeypatch) -> None:
    """Some editable installs find packages by other means, but only after all folders."""
    (user / "model.py").touch()
    monkeypatch.setattr(sys, "path", ["", "/usr/lib/python"])
    search_path.prefer_own_packages()
    assert sys.path == ["/usr/lib/python", own, ""]


def test_in_the_own_folder_nothing_changes(own, monkeypatch) -> None:
    """The command runs from the checkout."""
    monkeypatch.chdir(own)
    monkeypatch.setattr(sys, "path", before := ["", "/usr/lib/python", own])
    search_path.prefer_own_packages()
    assert sys.path == before


@pytest.mark.parametrize("how", ["module", "script", "library"])
def test_commands_prefer_our_packages_and_scripts_do_not(tmp_path, how) -> None:
    """A user's script that reads results may import the user's model.py."""
    (tmp_path / "model.py").write_text("own = False")
    (tmp_path / "plain.py").write_text(code := "import bench, model; print(getattr(model, 'own', True))")
    (tmp_path / "loaderbench").write_text(code)
    command = {
        "module": ["-c", f"import sys; sys.argv[0] = '-m'; sys.orig_argv[-1] = 'bench.sweep'; {code}"],
        "script": ["loaderbench"],
        "library": ["plain.py"],
    }[how]
    environment = {**os.environ, "PYTHONPATH": f"{tmp_path}{os.pathsep}{ROOT}"}
    done = subprocess.run(
        [sys.executable, *command], cwd=tmp_path, env=environment, capture_output=True, text=True, check=True
    )
    assert done.stdout == f"{how != 'library'}\n"
