"""Temporary folder: libraries, torch among them, need one as soon as they are imported."""

from __future__ import annotations

import sys
import tempfile


def require_temporary_folder() -> None:
    """Leave with exit code 2 and one line on standard error if no temporary folder can be written."""
    try:
        tempfile.gettempdir()
    except OSError as error:
        print(f"error: {error.strerror}: name a folder that can be written in TMPDIR", file=sys.stderr)  # noqa: T201
        sys.exit(2)
