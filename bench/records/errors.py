"""Errors of results folders and their files."""

from __future__ import annotations

from pathlib import Path


class ResultsError(ValueError):
    """A results folder or file that can't be used: one line that says which, what was found and expected."""


class StorageError(OSError):
    """What was measured can't be written: one line that says where and why."""

    def __init__(self, path: Path, error: OSError) -> None:
        super().__init__(f"{path} can't be written: {error.strerror or error}")
