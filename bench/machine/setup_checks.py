"""Checks of the start method, the compiler and the folders."""

from __future__ import annotations

import multiprocessing
import os
import shutil
import sys
import tempfile
from pathlib import Path

from bench.machine.check import Outcome, Severity, fail, ok, warn
from bench.machine.requirements import Requirements
from bench.text import format_bytes
from loaders.native import SWITCH, native


def check_start_method(needs: Requirements) -> Outcome:
    """Check that workers which are started by Python's default method needn't import torch again."""
    default, *others = multiprocessing.get_all_start_methods()
    found = f"{default}, unless told otherwise ({', '.join(others) or 'there is no other'})"
    # A sweep over several methods is there to see the difference.
    if default != "forkserver" or not needs.asked_forkserver or needs.asked_other:
        return ok(found)
    return warn(
        f"{found}: every worker imports torch again, which takes seconds an epoch",
        "--multiprocessing-context fork, or --persistent-workers on",
    )


def check_compiler() -> Outcome:
    """Check that ring.c can be compiled, by the first compiler that is tried."""
    if sys.platform == "win32":
        return ok("not used on Windows: torch's own operations gather the rings' rows")
    library = native()
    if library.notice is not None:
        return warn(library.notice, "unset CC, or name a working compiler in it")
    if library.problem is None:
        return ok("ring.c is compiled")
    if os.environ.get(SWITCH) == "0":
        return ok(f"ring.c is {library.problem}: torch's own operations gather the rings' rows")
    return warn(
        f"{library.problem}; torch's own operations gather the rings' rows, more slowly",
        "install gcc or clang (apt install gcc), or name a working one in CC",
    )


def check_folder(path: Path, *, enough: int, too_few: int) -> Outcome:
    """Check that a folder, or the one that it will be made in, can be written and has room.

    Args:
        path: the folder.
        enough: room with which all is well, in bytes.
        too_few: room below which nothing can go well, in bytes; 0 if the folder may be read-only.
    """
    existing = path
    while not existing.exists() and existing != existing.parent:
        existing = existing.parent
    where = f"{path}" if existing == path else f"{path} (to be made)"
    if not existing.is_dir():
        return fail(f"{existing} is a file, no folder", "name another one, or move that file away")
    severity: Severity = "fail" if too_few else "warn"
    try:
        with tempfile.TemporaryFile(dir=existing):
            pass
    except OSError as error:
        problem = f"{where}: can't be written ({error.strerror})"
        return Outcome(severity, problem, "make it writable, or name another one")
    free = shutil.disk_usage(existing).free
    found = f"{format_bytes(free)} free for {where}; up to {format_bytes(enough)} needed"
    if free >= enough:
        return ok(found)
    severity = "fail" if free < too_few else "warn"
    return Outcome(severity, found, "make room there, or name a folder on another disk")
