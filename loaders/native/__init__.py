"""The compiled half of the ring: `ring.c`, built once by this machine's C compiler.

torch's own operations pass over a batch twice where `ring.c` passes once, and request a row from memory only
when its turn has come, so that they mostly wait for it. Without a compiler, `loaders.ring` uses them.
"""

from __future__ import annotations

import ctypes
import functools
import os
import sys
from dataclasses import dataclass

from loaders.native.compiler import CompilerError, list_compilers
from loaders.native.library import Gathering, Plan, Side, Team, load_library

__all__ = ["SWITCH", "Gathering", "Native", "Plan", "Side", "Team", "native"]

# Environment variable: 0 does without the compiled library.
SWITCH = "LOADERBENCH_NATIVE"


@dataclass(frozen=True)
class Native:
    """The compiled library, or the reason why there is none.

    Attributes:
        library: the loaded library; None if there is none.
        problem: why there is no library, in one line with the cure; None if there is one.
        notice: compilers that were tried before the one that worked, in one line; None if there were none.
    """

    library: ctypes.CDLL | None
    problem: str | None = None
    notice: str | None = None


@functools.cache
def native() -> Native:
    """Return the library, compiled now unless it lies in the cache.

    The compilers are tried in this order: the one that CC names, cc, gcc, clang.
    """
    if os.environ.get(SWITCH) == "0":
        return Native(None, f"switched off by {SWITCH}=0")
    if sys.platform == "win32":
        return Native(None, "ring.c needs Linux or macOS")
    skipped: list[str] = []
    for compiler in list_compilers():
        if not compiler.is_found() and not compiler.named:
            continue
        try:
            library = load_library(compiler)
        except (CompilerError, OSError) as error:
            skipped.append(str(error))
        else:
            notice = f"{'; '.join(skipped)}; ring.c is compiled by {compiler.name}" if skipped else None
            return Native(library, notice=notice)
    if not any(compiler.is_found() for compiler in list_compilers()):
        skipped.append("no C compiler found (cc, gcc or clang): install one, or name it in CC")
    return Native(None, "; ".join(skipped))
