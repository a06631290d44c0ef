"""Temporary folder: libraries, torch among them, need one as soon as they are imported."""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from pathlib import Path

PREFIX = "loaderbench-"


def require_temporary_folder() -> None:
    """Leave with exit code 2 and one line on standard error if no temporary folder can be written."""
    try:
        tempfile.gettempdir()
    except OSError as error:
        print(f"error: {error.strerror}: name a folder that can be written in TMPDIR", file=sys.stderr)  # noqa: T201
        sys.exit(2)


def make_folder_prefix() -> str:
    """Return how the name of a temporary folder of this process begins."""
    return f"{PREFIX}{os.getpid()}-"


def remove_folders(pid: int) -> None:
    """Remove temporary folders that a process has left because it was killed.

    Args:
        pid: the process, which has ended.
    """
    for folder in Path(tempfile.gettempdir()).glob(f"{PREFIX}{pid}-*"):
        shutil.rmtree(folder, ignore_errors=True)
