"""The modules that a user's loader is made of: another one means another loader."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from types import ModuleType

import pytest

from bench.workloads.inspection.user_modules import (
    digest_files,
    list_module_files,
    list_user_files,
    stamp_files,
)
from bench.workloads.own.own_loader import OwnLoader
from bench.workloads.target.target import Target
from loaders.spec.source_facts import SourceFacts


@pytest.fixture
def import_files(monkeypatch):
    """Return a function that pretends that files were imported."""

    def pretend(*paths: Path) -> None:
        for number, path in enumerate(paths):
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(f"number = {number}\n")
            module = ModuleType(f"pretended_{number}")
            module.__file__ = str(path)
            monkeypatch.setitem(sys.modules, module.__name__, module)

    return pretend


def test_only_the_users_own_files_are_listed(tmp_path, import_files) -> None:
    """Not Python's, not a library's in an environment inside the project, not ours, not earlier ones."""
    before = list_module_files()
    mine = [tmp_path / "project" / name for name in ("train.py", "utils/__init__.py")]
    library = tmp_path / "project" / ".venv" / "lib" / "python3" / "site-packages" / "library" / "__init__.py"
    import_files(*mine, library, tmp_path / "project" / "made.so")
    assert list_user_files(before) == mine
    assert list_user_files({*before, mine[0]}) == mine[1:]
    assert not set(list_user_files(())) & {Path(os.__file__), Path(pytest.__file__)}


def test_a_module_may_be_any_object(monkeypatch) -> None:
    """Some libraries put theirs into sys.modules."""
    before = list_module_files()
    strange = ModuleType("strange")
    strange.__file__ = 3
    monkeypatch.setitem(sys.modules, "strange", strange)
    monkeypatch.setitem(sys.modules, "stranger", object())
    monkeypatch.setitem(sys.modules, "absent", None)
    assert list_user_files(before) == []


def test_the_content_makes_the_digest(tmp_path) -> None:
    """Neither the folder nor the time of the files does."""
    for folder in ("one", "other"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "train.py").write_text("number = 1\n")
    assert digest_files([tmp_path / "one" / "train.py"]) == digest_files([tmp_path / "other" / "train.py"])
    (tmp_path / "other" / "train.py").write_text("number = 2\n")
    assert digest_files([tmp_path / "one" / "train.py"]) != digest_files([tmp_path / "other" / "train.py"])


@pytest.mark.parametrize("change", [lambda path: path.write_text("number = 22\n"), Path.unlink])
def test_a_module_that_is_edited_during_the_sweep_is_noticed(tmp_path, change) -> None:
    """Later trials would measure another program."""
    paths = [tmp_path / "train.py", tmp_path / "utils.py"]
    for path in paths:
        path.write_text("number = 1\n")
    target = Target.parse("train.py:loader", tmp_path)
    workload = OwnLoader(target, SourceFacts("iterable", None), "0" * 64, stamps=stamp_files(paths))
    assert workload.find_changed() is None
    change(paths[1])
    assert workload.find_changed() == paths[1]
