"""A program of a test's own."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

runs_scripts = pytest.mark.skipif(sys.platform == "win32", reason="no script can stand for a program there")


def write_program(path: Path, text: str) -> str:
    """Write a program in Python, which is run by its name."""
    path.write_text(f"#!{os.path.realpath(sys.executable)}\n{text}\n")
    path.chmod(0o755)
    return str(path)
