"""The compiled half of the ring: `ring.c`, built where a C compiler is found, by it and once.

torch's own operations need two passes over a batch where one does, and ask memory for a row only when its
turn has come, so that most of the time goes by waiting for it. Without a compiler, `loaders.ring` makes do
with them.
"""

from __future__ import annotations

import ctypes
import functools
import hashlib
import os
import platform
import shlex
import shutil
import subprocess
import sysconfig
import tempfile
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

SOURCE = Path(__file__).with_name("ring.c")
# Set to 0, it is as if there were no compiler.
SWITCH = "LOADERBENCH_NATIVE"
# The first set that the compiler takes. Code for this very machine converts twice as fast as portable code.
_FLAGS = ("-march=native", "-mcpu=native", "")
_ALWAYS = ("-O3", "-std=gnu11", "-pthread", "-shared", "-fPIC")
_DEADLINE_S = 60.0

_Int, _Pointer = ctypes.c_int64, ctypes.c_void_p


class Side(ctypes.Structure):
    """A `side` of ring.c: how one side of a picture is resized; `out` 0 for not at all."""

    _fields_ = [
        ("inputs", _Int),
        ("out", _Int),
        ("low", _Pointer),
        ("high", _Pointer),
        ("weights", _Pointer),
    ]


class Plan(ctypes.Structure):
    """A `plan` of ring.c: what a ring is made of. The memory it points to must outlive the ring."""

    _fields_ = [
        ("samples", _Int),
        ("pixels", _Int),
        ("chunk", _Int),
        ("slots", _Int),
        ("images", _Pointer),
        ("labels", _Pointer),
        ("order", _Pointer),
        ("out", _Pointer),
        ("out_labels", _Pointer),
        ("ready", _Pointer),
        ("rows", Side),
        ("columns", Side),
        ("label_bytes", _Int),
        ("ask", _Int),
        ("raw", _Int),
    ]


@dataclass(frozen=True)
class Native:
    """The compiled library, or None and why: one line, with the cure."""

    library: ctypes.CDLL | None
    problem: str | None = None


@functools.cache
def native() -> Native:
    """The library, built now if it wasn't before."""
    if os.environ.get(SWITCH) == "0":
        return Native(None, f"switched off by {SWITCH}=0")
    compiler = _compiler()
    if compiler is None:
        return Native(None, "no C compiler found (cc, gcc or clang): install one, or name it in CC")
    try:
        return Native(_declared(_load(compiler)))
    except (OSError, subprocess.SubprocessError, AttributeError) as error:
        says = getattr(error, "stderr", None) or str(error)
        return Native(
            None, f"{shlex.join(compiler)} can't build {SOURCE.name}: {says.strip().splitlines()[0]}"
        )


def _compiler() -> list[str] | None:
    named = os.environ.get("CC")
    candidates = [named] if named else ["cc", "gcc", "clang"]
    for candidate in candidates:
        command = shlex.split(candidate)
        if command and shutil.which(command[0]):
            return command
    return None


def _load(compiler: list[str]) -> ctypes.CDLL:
    """The library from this user's cache, or from a temporary folder where no cache can be written."""
    # Code for one machine crashes on another, and a home folder may be shared by many.
    identity = (SOURCE.read_text(), *compiler, *_ALWAYS, *_FLAGS, platform.machine(), _processor())
    name = f"ring-{hashlib.sha256(repr(identity).encode()).hexdigest()[:16]}{_suffix()}"
    # A home that isn't there, can't be written or is full: then without.
    with suppress(OSError, RuntimeError):
        cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "loaderbench"
        cache.mkdir(mode=0o700, parents=True, exist_ok=True)
        # Where others may write, they could put code of theirs.
        if cache.stat().st_uid == os.getuid() and not cache.stat().st_mode & 0o022:
            if not (cache / name).exists():
                _compile(compiler, cache / name)
            return ctypes.CDLL(str(cache / name))
    with tempfile.TemporaryDirectory(prefix="loaderbench-") as folder:
        # Once it is loaded, its file is needed no more.
        return ctypes.CDLL(str(_compile(compiler, Path(folder) / name)))


def _compile(compiler: list[str], target: Path) -> Path:
    handle, building = tempfile.mkstemp(dir=target.parent, suffix=_suffix())
    os.close(handle)
    try:
        for flags in _FLAGS:
            command = [*compiler, *_ALWAYS, *flags.split(), str(SOURCE), "-o", building]
            done = subprocess.run(command, capture_output=True, text=True, timeout=_DEADLINE_S, check=False)
            if done.returncode == 0:
                break
        done.check_returncode()
        # Whole or not at all, also where two processes build it at once.
        Path(building).replace(target)
    finally:
        with suppress(FileNotFoundError):
            Path(building).unlink()
    return target


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor()
    return "".join(
        next((line for line in lines if line.startswith(key)), "") for key in ("model name", "flags")
    )


def _suffix() -> str:
    return str(sysconfig.get_config_var("SHLIB_SUFFIX") or ".so")


def _declared(library: ctypes.CDLL) -> ctypes.CDLL:
    ring = _Pointer
    for name, result, arguments in (
        ("ring_open", ring, [ctypes.POINTER(Plan)]),
        ("ring_close", None, [ring]),
        ("ring_begin", ctypes.c_int, [ring, ctypes.c_uint64]),
        ("ring_help", ctypes.c_int, [ring]),
        ("ring_take", ctypes.c_int, [ring, _Int]),
        ("ring_stop", None, [ring]),
        ("shuffle", ctypes.c_int, [_Pointer, _Int, ctypes.c_uint64]),
    ):
        function = getattr(library, name)
        function.restype, function.argtypes = result, arguments
    return library
