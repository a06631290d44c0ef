"""The threads that torch computes with, as ring.c calls them."""

from __future__ import annotations

import ctypes
import functools
import os
from pathlib import Path

import torch

from loaders.native.library import Team

# Functions of libgomp, which other OpenMP libraries on Linux have too.
_FUNCTIONS = ("GOMP_parallel", "omp_get_thread_num", "omp_get_num_threads")


class _Use:
    """Use of torch's threads by the rings of this process.

    Attributes:
        began: whether a ring has used them.
        lost: whether a process that had used them was forked since. A child has the memory of its parent but
            not its threads, and OpenMP would wait for them for ever.
    """

    began = False
    lost = False


def _note_fork() -> None:
    _Use.lost = _Use.lost or _Use.began


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_note_fork)


@functools.cache
def find_team() -> Team:
    """Return torch's threads; a null structure where torch has no OpenMP library with these functions."""
    try:
        # Its symbols are looked up in the libraries that it depends on, so it is the very OpenMP of torch.
        library = ctypes.CDLL(str(Path(torch.__file__).with_name("lib") / "libtorch_cpu.so"))
        functions = [ctypes.cast(getattr(library, name), ctypes.c_void_p) for name in _FUNCTIONS]
    except (OSError, AttributeError):
        return Team()
    return Team(*functions)


def has_team() -> bool:
    """Return whether torch has several threads that the calling thread can use now."""
    # Asking for the number also sets it for the calling thread, as torch does before its own work.
    if _Use.lost or torch.get_num_threads() < 2 or not find_team().parallel:
        return False
    _Use.began = True
    return True
