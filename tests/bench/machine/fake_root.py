"""A root folder and a /dev/shm that belong to a test."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest


def write(root: Path, files: dict[str, str]) -> Path:
    """Write files under a root, by path."""
    for path, text in files.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(text)
    return root


def in_shm(room_bytes: int, *command: str) -> subprocess.CompletedProcess:
    """Run a command that has a /dev/shm of its own, of this size. Skip the test where it can't be made."""
    mounted = f"mount -t tmpfs -o size={room_bytes} tmpfs /dev/shm"
    try:
        subprocess.run(["unshare", "-m", "sh", "-c", mounted], check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("no /dev/shm can be mounted here")
    inside = ["unshare", "-m", "sh", "-c", f'{mounted} && exec "$@"', "sh", *command]
    return subprocess.run(inside, capture_output=True, text=True, timeout=300, check=False)
