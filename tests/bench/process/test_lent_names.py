"""Modules of a program that bear our names: they are the program's again after a sweep."""

from __future__ import annotations

import importlib
import sys

import pytest

from bench.process import lent_names, search_path
from bench.process.lent_names import use_own_packages


@pytest.fixture
def names(tmp_path, monkeypatch):
    """Two packages of ours, of which a program's folder has the first too, as a file."""
    own, project = tmp_path / "own", tmp_path / "project"
    for package in ("lent_a", "lent_b"):
        (own / package).mkdir(parents=True)
        (own / package / "__init__.py").write_text("WHOSE = 'ours'")
        (own / package / "part.py").write_text("WHOSE = 'ours'")
    project.mkdir()
    (project / "lent_a.py").write_text("WHOSE = 'theirs'")
    monkeypatch.setattr(lent_names, "LENT", ("lent_a", "lent_b"))
    monkeypatch.setattr(lent_names, "OWN_FOLDER", own)
    monkeypatch.setattr(lent_names, "_ours", {})
    monkeypatch.setattr(search_path, "OWN_FOLDER", own)
    monkeypatch.setattr(search_path, "PACKAGES", ("lent_a", "lent_b"))
    monkeypatch.setattr(sys, "path", [str(project), *sys.path, str(own)])
    yield
    for name in [name for name in sys.modules if name.startswith("lent_a") or name.startswith("lent_b")]:
        del sys.modules[name]


def whose(name: str) -> str:
    return str(importlib.import_module(name).WHOSE)


@pytest.mark.parametrize("imported", [True, False])
def test_a_name_is_ours_inside_and_theirs_outside(names, imported) -> None:
    """Whether the program has imported its own before or does so afterwards; ours are the same each time."""
    path = [*sys.path]
    if imported:
        assert whose("lent_a") == "theirs"
    with use_own_packages():
        assert (whose("lent_a"), whose("lent_a.part"), whose("lent_b")) == ("ours", "ours", "ours")
        first = sys.modules["lent_a"]
    assert sys.path == path
    assert (whose("lent_a"), whose("lent_b")) == ("theirs", "ours")
    assert "lent_a.part" not in sys.modules
    with use_own_packages():
        assert sys.modules["lent_a"] is first
    assert whose("lent_a") == "theirs"


def test_blocks_share_the_names(names) -> None:
    """They are the program's again when the last block, perhaps of another thread, has ended."""
    with use_own_packages():
        assert whose("lent_a") == "ours"
        with use_own_packages():
            pass
        assert whose("lent_a.part") == "ours"
    assert whose("lent_a") == "theirs"


def test_a_program_without_these_names_is_left_alone(names, monkeypatch) -> None:
    """Nothing of ours is taken out."""
    monkeypatch.setattr(lent_names, "LENT", ("lent_b",))
    with use_own_packages():
        module = importlib.import_module("lent_b")
    assert sys.modules["lent_b"] is module
