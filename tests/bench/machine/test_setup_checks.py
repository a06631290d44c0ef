"""Start method, compiler and folders."""

from __future__ import annotations

import multiprocessing
import sys
import types
from pathlib import Path

import pytest

from bench.machine import setup_checks
from bench.machine.requirements import LoaderSettings, StoredPictures, estimate_all
from bench.machine.setup_checks import check_compiler, check_folder, check_start_method
from loaders import native


@pytest.mark.parametrize(
    ("methods", "asked", "verdict"),
    [
        (["fork", "spawn", "forkserver"], [None], "ok"),
        (["forkserver", "spawn", "fork"], [None], "warn"),
        (["forkserver", "spawn", "fork"], ["fork"], "ok"),
        (["forkserver", "spawn", "fork"], ["fork", "forkserver"], "ok"),
        (["forkserver", "spawn", "fork"], [], "ok"),
        (["spawn"], [None], "ok"),
    ],
)
def test_start_method(methods: list, asked: list, verdict: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Workers of Python 3.14 on Linux import torch again, unless another method is chosen."""
    monkeypatch.setattr(multiprocessing, "get_all_start_methods", lambda: methods)
    loaders = [LoaderSettings(8, 2, multiprocessing_context=context) for context in asked]
    found = check_start_method(estimate_all([LoaderSettings(8), *loaders], StoredPictures(100)))
    assert found[0] == verdict
    assert found[1].startswith(f"{methods[0]}, unless told otherwise")


@pytest.mark.skipif(sys.platform == "win32", reason="ring.c is not compiled there")
def test_compiler(monkeypatch: pytest.MonkeyPatch) -> None:
    """A missing compiler is a concern. One that is switched off is none."""
    monkeypatch.setattr(setup_checks, "native", lambda: native.Native(None, "no C compiler found"))
    verdict, found, cure = check_compiler()
    assert verdict == "warn"
    assert found == "no C compiler found; torch's own operations gather the rings' rows, more slowly"
    assert cure
    monkeypatch.setenv(native.SWITCH, "0")
    assert check_compiler()[0] == "ok"


@pytest.mark.skipif(sys.platform == "win32", reason="ring.c is not compiled there")
def test_a_compiler_that_was_skipped(monkeypatch: pytest.MonkeyPatch) -> None:
    """CC names none that works, and another one has compiled ring.c."""
    notice = "CC=gone-cc: gone-cc is not found; ring.c is compiled by cc"
    monkeypatch.setattr(setup_checks, "native", lambda: native.Native(object(), notice=notice))
    assert check_compiler() == ("warn", notice, "unset CC, or name a working compiler in it")
    monkeypatch.setattr(setup_checks, "native", lambda: native.Native(object()))
    assert check_compiler() == ("ok", "ring.c is compiled", None)


def test_folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder may have to be made, be a file, or lack room. The check leaves nothing behind."""
    missing = tmp_path / "a" / "b"
    verdict, found, _ = check_folder(missing, enough=1, too_few=1)
    assert verdict == "ok"
    assert f" free for {missing} (to be made); " in found
    assert list(tmp_path.iterdir()) == []
    (tmp_path / "file").touch()
    assert check_folder(tmp_path / "file" / "b", enough=1, too_few=1)[0] == "fail"
    monkeypatch.setattr(setup_checks.shutil, "disk_usage", lambda _: types.SimpleNamespace(free=5))
    assert [check_folder(tmp_path, enough=enough, too_few=4)[0] for enough in (5, 6)] == ["ok", "warn"]
    assert check_folder(tmp_path, enough=6, too_few=6)[0] == "fail"


@pytest.mark.skipif(sys.platform != "linux", reason="no folder that nobody may write in is known here")
def test_a_folder_that_cannot_be_written() -> None:
    """Data may lie there, but results can't be written."""
    verdict, found, cure = check_folder(Path("/proc/loaderbench"), enough=1, too_few=0)
    assert verdict == "warn"
    assert found.startswith("/proc/loaderbench (to be made): can't be written (")
    assert cure
    assert check_folder(Path("/proc/loaderbench"), enough=1, too_few=1)[0] == "fail"
