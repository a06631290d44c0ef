"""The shared library made of `ring.c`: its structures, its functions, and its place in the user's cache."""

from __future__ import annotations

import ctypes
import hashlib
import os
import platform
import sysconfig
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from loaders.native.compiler import FLAGS, HEADERS, MACHINE_FLAGS, SOURCE, Compiler, CompilerError

_Int, _Pointer = ctypes.c_int64, ctypes.c_void_p


class Side(ctypes.Structure):
    """A `side` of ring.c: the resize of one side of a picture; `out` is 0 for no resize."""

    _fields_ = [
        ("inputs", _Int),
        ("out", _Int),
        ("low", _Pointer),
        ("high", _Pointer),
        ("weights", _Pointer),
    ]


class Team(ctypes.Structure):
    """A `team` of ring.c: three functions of torch's OpenMP library; null if there is none."""

    _fields_ = [("parallel", _Pointer), ("number", _Pointer), ("count", _Pointer)]


class Plan(ctypes.Structure):
    """A `plan` of ring.c: the description of a ring. The memory that it points to must outlive the ring."""

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
        ("team", Team),
    ]


class Gathering(ctypes.Structure):
    """A `gathering` of ring.c: rows to be copied by torch's threads together."""

    _fields_ = [
        ("from", _Pointer),
        ("size", _Int),
        ("rows", _Int),
        ("order", _Pointer),
        ("to", _Pointer),
        ("team", ctypes.POINTER(Team)),
    ]


def load_library(compiler: Compiler) -> ctypes.CDLL:
    """Load the library from the user's cache, and compile it if it isn't there or is damaged.

    Where the cache can't be used, the library is compiled in a temporary folder, which is then removed.

    Raises:
        CompilerError: the compiler can't make a library with the functions of ring.c.
    """
    # Home folders are shared by machines, and code for one machine crashes on another.
    identity = (
        *(file.read_text() for file in (SOURCE, *HEADERS)),
        *compiler.command,
        *FLAGS,
        *MACHINE_FLAGS,
        platform.machine(),
        _processor(),
    )
    stem = f"ring-{hashlib.sha256(repr(identity).encode()).hexdigest()[:16]}"
    # RuntimeError: there is no home folder. OSError: it can't be written, is full, or may hold no programs.
    with suppress(OSError, RuntimeError):
        cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "loaderbench"
        cache.mkdir(mode=0o700, parents=True, exist_ok=True)
        # Where others can write, the file could hold anybody's code.
        if cache.stat().st_uid == os.getuid() and not cache.stat().st_mode & 0o022:
            return _find(cache, stem) or _build(compiler, cache, stem)
    with tempfile.TemporaryDirectory(prefix="loaderbench-") as folder:
        try:
            # Once loaded, a library needs its file no more.
            return _build(compiler, Path(folder), stem)
        except OSError as error:
            raise CompilerError(f"{compiler.name} makes no library that can be loaded: {error}") from error


def _find(cache: Path, stem: str) -> ctypes.CDLL | None:
    """Load the library from the cache; None if it isn't there or not as it was written."""
    for path in cache.glob(f"{stem}-*{_suffix()}"):
        # Checked first, since loading a truncated library can crash the process.
        if path.name == _cached_name(stem, path):
            with suppress(OSError, AttributeError):
                return _load(path)
    return None


def _build(compiler: Compiler, folder: Path, stem: str) -> ctypes.CDLL:
    """Compile the library in a folder, load it, and only then give it the name that `_find` looks for."""
    with _temporary_file(folder) as building:
        compiler.compile(building)
        try:
            library = _load(building)
        except AttributeError as error:
            raise CompilerError(f"{compiler.name} makes a library that lacks a function: {error}") from error
        building.replace(folder / _cached_name(stem, building))
        return library


@contextmanager
def _temporary_file(folder: Path) -> Iterator[Path]:
    handle, path = tempfile.mkstemp(dir=folder, suffix=_suffix())
    os.close(handle)
    try:
        yield Path(path)
    finally:
        Path(path).unlink(missing_ok=True)


def _cached_name(stem: str, path: Path) -> str:
    """Return the name of a file in the cache, which holds the digest of its content."""
    return f"{stem}-{hashlib.sha256(path.read_bytes()).hexdigest()[:16]}{_suffix()}"


def _load(path: Path) -> ctypes.CDLL:
    """Load a library and declare its functions; AttributeError if one is missing."""
    library = ctypes.CDLL(str(path))
    for name, result, arguments in (
        ("ring_open", _Pointer, [ctypes.POINTER(Plan)]),
        ("ring_close", None, [_Pointer]),
        ("ring_begin", ctypes.c_int, [_Pointer, ctypes.c_uint64, ctypes.c_int]),
        ("ring_help", None, [_Pointer]),
        ("ring_take", ctypes.c_int, [_Pointer, _Int]),
        ("ring_stop", None, [_Pointer]),
        ("gather", None, [ctypes.POINTER(Gathering)]),
        ("shuffle", ctypes.c_int, [_Pointer, _Int, ctypes.c_uint64]),
    ):
        function = getattr(library, name)
        function.restype, function.argtypes = result, arguments
    return library


def _processor() -> str:
    """Return the model and the instruction sets of the processor."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor()
    return "".join(
        next((line for line in lines if line.startswith(key)), "") for key in ("model name", "flags")
    )


def _suffix() -> str:
    return str(sysconfig.get_config_var("SHLIB_SUFFIX") or ".so")
