"""The compiled library: the compilers that are tried, the cache, and what users are told."""

from __future__ import annotations

import shutil
import stat
from collections.abc import Callable
from pathlib import Path

import pytest

from loaders import native as package
from loaders.families.tensor_slice import TensorSlice
from loaders.native import Native, compiler, native

MakeProgram = Callable[[str, str], Path]


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache for the test, and nothing remembered from before."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.delenv(package.SWITCH, raising=False)
    monkeypatch.delenv("CC", raising=False)
    native.cache_clear()
    yield tmp_path / "cache" / "loaderbench"
    native.cache_clear()


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A cache that holds the library; skip the test on a machine without a compiler."""
    folder = tmp_path_factory.mktemp("built")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(folder))
        patch.delenv(package.SWITCH, raising=False)
        patch.delenv("CC", raising=False)
        found = load_again()
    if found.library is None:
        pytest.skip(found.problem or "")
    return folder / "loaderbench"


@pytest.fixture
def compiled(built: Path, cache: Path) -> None:
    """A copy of that cache for the test."""
    shutil.copytree(built, cache)
    assert native().library is not None


@pytest.fixture
def make_program(tmp_path: Path) -> MakeProgram:
    """A function that writes a shell script in a folder, and returns its path."""

    def make(name: str, script: str) -> Path:
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(f"#!/bin/sh\n{script}\n")
        path.chmod(0o755)
        return path

    return make


def load_again() -> Native:
    native.cache_clear()
    return native()


def test_it_is_built_once(compiled: None, cache: Path) -> None:
    """The second process finds it in the cache, which only this user can write to."""
    (built,) = cache.iterdir()
    written = built.stat().st_mtime_ns
    assert load_again().library is not None
    assert [file.stat().st_mtime_ns for file in cache.iterdir()] == [written]
    assert stat.S_IMODE(cache.stat().st_mode) == 0o700


def test_a_cache_that_others_can_write_is_not_trusted(compiled: None, cache: Path) -> None:
    """Its files could hold anybody's code: the library is built in a temporary folder."""
    cache.chmod(0o777)
    for file in list(cache.iterdir()):
        # A new file, since this process has loaded the old one.
        file.unlink()
        file.write_bytes(b"not a library")
    assert load_again().library is not None


@pytest.mark.parametrize("damage", [lambda data: b"", lambda data: data[:4000], lambda data: data[::-1]])
def test_a_damaged_file_is_made_anew(damage, compiled: None, cache: Path) -> None:
    """An empty, a truncated or another file in the cache is never loaded."""
    (built,) = cache.iterdir()
    data = built.read_bytes()
    # A new file, since this process has loaded the old one.
    built.unlink()
    built.write_bytes(damage(data))
    found = load_again()
    assert (found.problem, found.notice) == (None, None)
    assert any(file.read_bytes() != damage(data) for file in cache.iterdir())


def test_without_a_cache(compiled: None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The library is built in a temporary folder, which is empty afterwards."""
    (tmp_path / "file").touch()
    (tmp_path / "temporary").mkdir()
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "temporary"))
    assert load_again().library is not None
    assert list((tmp_path / "temporary").iterdir()) == []


def test_without_a_home(compiled: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """No home folder means no cache."""

    def no_home() -> Path:
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setattr(Path, "home", no_home)
    assert load_again().library is not None


def test_no_compiler(monkeypatch: pytest.MonkeyPatch) -> None:
    """One line says what to do."""
    monkeypatch.setenv("PATH", "")
    assert native() == Native(None, "no C compiler found (cc, gcc or clang): install one, or name it in CC")


def test_no_compiler_and_cc_names_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """The line names CC's program, too."""
    monkeypatch.setenv("PATH", "")
    monkeypatch.setenv("CC", "/gone/bin/x86_64-cc")
    assert native().problem == (
        "CC=/gone/bin/x86_64-cc is not found; "
        "no C compiler found (cc, gcc or clang): install one, or name it in CC"
    )


BROKEN = {
    "fails": ("echo 'out of patience' >&2\nexit 1", "can't build ring.c: out of patience"),
    "fails in silence": ("echo ' ' >&2\nexit 3", "can't build ring.c: exit code 3"),
    "writes an empty file": (
        'while [ "$1" != -o ]; do shift; done; : > "$2"',
        "can't build ring.c: it wrote an empty file",
    ),
    "writes nothing": ("exit 0", "can't build ring.c: it wrote an empty file"),
    "writes text": (
        'while [ "$1" != -o ]; do shift; done; echo "int main" > "$2"',
        "makes no library that can be loaded",
    ),
    "leaves the functions out": (
        'while [ "$1" != -o ]; do shift; done; echo "int other;" | cc -shared -fPIC -xc - -o "$2"',
        "makes a library that lacks a function",
    ),
    "never ends": ("sleep 100 & sleep 100", "took more than 0.2 s"),
}


@pytest.mark.parametrize("behaviour", BROKEN)
def test_the_next_compiler_is_taken(
    behaviour: str, compiled: None, cache: Path, make_program: MakeProgram, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A broken compiler is named in one line, and leaves no file in the cache."""
    script, message = BROKEN[behaviour]
    broken = make_program("broken-cc", script)
    if behaviour == "never ends":
        monkeypatch.setattr(compiler, "_DEADLINE_S", 0.2)
    monkeypatch.setenv("CC", str(broken))
    before = list(cache.iterdir())
    found = load_again()
    assert found.library is not None
    assert found.problem is None
    assert f"CC={broken} {message}" in found.notice
    assert "\n" not in found.notice
    assert found.notice.endswith("; ring.c is compiled by cc")
    assert list(cache.iterdir()) == before


@pytest.mark.parametrize(
    "named", ["/gone/bin/x86_64-conda-linux-gnu-cc", "gone-cc -O2", "'unbalanced", "/", "/dev/null"]
)
def test_cc_that_names_no_program(named: str, compiled: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """The next compiler is taken; the loader's notice names CC."""
    monkeypatch.setenv("CC", named)
    found = load_again()
    assert found.library is not None
    assert "CC=" in found.notice
    assert named.strip("'") in found.notice
    assert "is not found; ring.c is compiled by cc" in found.notice
    assert TensorSlice().machine_notice() == found.notice


def test_a_program_that_cannot_be_run(
    compiled: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file of another machine's format is named, too."""
    program = tmp_path / "other-machine"
    program.write_bytes(b"\x00\x01\x02")
    program.chmod(0o755)
    monkeypatch.setenv("CC", str(program))
    assert f"CC={program} can't be run: " in load_again().notice


@pytest.mark.parametrize("spaces", [False, True])
def test_cc_with_flags_or_spaces(
    spaces: bool, compiled: None, tmp_path: Path, make_program: MakeProgram, monkeypatch: pytest.MonkeyPatch
) -> None:
    """CC can hold flags, and a path with spaces; neither needs another compiler."""
    program = make_program(
        "a folder/my cc" if spaces else "my-cc", f'echo "$1" > {tmp_path}/flag\nexec cc "$@"'
    )
    monkeypatch.setenv("CC", str(program) if spaces else f"{program} -g0")
    found = load_again()
    assert found.library is not None
    assert found.notice is None
    assert (tmp_path / "flag").read_text().strip() == ("-O3" if spaces else "-g0")


def test_all_compilers_fail(make_program: MakeProgram, monkeypatch: pytest.MonkeyPatch) -> None:
    """The line names each; the loader says that it is slower."""
    folder = make_program("programs/cc", "exec 1>&2; echo 'no headers'; exit 1").parent
    monkeypatch.setenv("PATH", str(folder))
    monkeypatch.setenv("CC", "gone")
    assert native().problem == "CC=gone is not found; cc can't build ring.c: no headers"
    assert TensorSlice().machine_notice().endswith("torch's own operations gather instead, more slowly")


def test_switched_off(monkeypatch: pytest.MonkeyPatch) -> None:
    """An environment variable does without the library."""
    monkeypatch.setenv(package.SWITCH, "0")
    assert native().problem == "switched off by LOADERBENCH_NATIVE=0"
