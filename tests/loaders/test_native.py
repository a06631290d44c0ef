"""The compiled library: found, built, kept, or done without."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from loaders import native


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache of the test's own, and no memory of what was built before."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.delenv(native.SWITCH, raising=False)
    native.native.cache_clear()
    yield tmp_path / "cache" / "loaderbench"
    native.native.cache_clear()


@pytest.fixture
def compiled(cache: Path) -> None:
    """Skips where there is no compiler."""
    found = native.native()
    if found.library is None:
        pytest.skip(found.problem or "")


def test_it_is_built_once(compiled: None, cache: Path) -> None:
    """And found in the cache from then on, which nobody else may write to."""
    (built,) = cache.iterdir()
    written = built.stat().st_mtime_ns
    native.native.cache_clear()
    assert native.native().library is not None
    assert [file.stat().st_mtime_ns for file in cache.iterdir()] == [written]
    assert stat.S_IMODE(cache.stat().st_mode) == 0o700


def test_a_cache_that_others_may_write_is_not_trusted(compiled: None, cache: Path) -> None:
    """What lies there could be anybody's code: it is built anew, elsewhere."""
    cache.chmod(0o777)
    for file in list(cache.iterdir()):
        # Another file, as this process has that one loaded.
        file.unlink()
        file.write_bytes(b"not a library")
    native.native.cache_clear()
    assert native.native().library is not None


def test_without_a_cache(compiled: None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """It is built in a temporary folder, of which nothing stays."""
    (tmp_path / "file").touch()
    (tmp_path / "temporary").mkdir()
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    monkeypatch.setattr(native.tempfile, "tempdir", str(tmp_path / "temporary"))
    native.native.cache_clear()
    assert native.native().library is not None
    assert list((tmp_path / "temporary").iterdir()) == []


def test_no_compiler(monkeypatch: pytest.MonkeyPatch) -> None:
    """One line with the cure."""
    monkeypatch.setenv("PATH", "")
    monkeypatch.delenv("CC", raising=False)
    assert native.native() == native.Native(
        None, "no C compiler found (cc, gcc or clang): install one, or name it in CC"
    )


def test_a_compiler_that_fails(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Its own first line, and no half of a library."""
    broken = tmp_path / "broken"
    broken.write_text("#!/bin/sh\necho 'ring.c: out of patience' >&2\nexit 1\n")
    broken.chmod(0o755)
    monkeypatch.setenv("CC", str(broken))
    found = native.native()
    assert found.library is None
    assert found.problem == f"{broken} can't build ring.c: ring.c: out of patience"
    assert list((tmp_path / "cache" / "loaderbench").iterdir()) == []


def test_switched_off(monkeypatch: pytest.MonkeyPatch) -> None:
    """By a variable, to compare."""
    monkeypatch.setenv(native.SWITCH, "0")
    assert native.native().problem == "switched off by LOADERBENCH_NATIVE=0"
