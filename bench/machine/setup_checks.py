"""Checks of the start method, the compiler and the folders."""

from __future__ import annotations

import multiprocessing
import os
import shutil
import sys
import tempfile
from pathlib import Path

from bench.machine.check import Found, Severity, fail, ok, warn
from bench.machine.requirements import Requirements
from loaders.native import SWITCH, native

if sys.platform != "win32":
    pass
from bench.text import format_bytes


def check_start_method(needs: Requirements) -> Found:
    """How this Python starts workers, unless told otherwise."""
    default, *others = multiprocessing.get_all_start_methods()
    found = f"{default}, unless told otherwise ({', '.join(others) or 'there is no other'})"
    # Where several are measured, that is what shall be seen.
    if default != "forkserver" or not needs.asked_forkserver or needs.asked_other:
        return ok(found)
    return warn(
        f"{found}: every worker imports torch again, which takes seconds an epoch",
        "--multiprocessing-context fork, or --persistent-workers on",
    )


def check_compiler() -> Found:
    """Whether ring.c can be compiled."""
    if sys.platform == "win32":
        return ok("not used on Windows: torch's own operations gather the rings' rows")
    problem = native().problem
    if problem is None:
        return ok("ring.c is compiled")
    if os.environ.get(SWITCH) == "0":
        return ok(f"ring.c is {problem}: torch's own operations gather the rings' rows")
    return warn(
        f"{problem}; torch's own operations gather the rings' rows, more slowly",
        "install gcc or clang (apt install gcc), or name a working one in CC",
    )


def check_folder(path: Path, *, enough: int, fewest: int) -> Found:
    """Whether a folder, or the one that it will be made in, can be written, and the room there."""
    there = path
    while not there.exists() and there != there.parent:
        there = there.parent
    where = f"{path}" if there == path else f"{path} (to be made)"
    if not there.is_dir():
        return fail(f"{there} is a file, no folder", "name another one, or move that file away")
    try:
        with tempfile.TemporaryFile(dir=there):
            pass
    except OSError as error:
        # Data may lie there that only needs to be read.
        verdict: Severity = "fail" if fewest else "warn"
        return (
            verdict,
            f"{where}: can't be written ({error.strerror})",
            "make it writable, or name another one",
        )
    free = shutil.disk_usage(there).free
    found = f"{format_bytes(free)} free for {where}; up to {format_bytes(enough)} needed"
    if free >= enough:
        return ok(found)
    return "fail" if free < fewest else "warn", found, "make room there, or name a folder on another disk"
