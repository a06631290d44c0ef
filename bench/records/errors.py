"""Errors of results folders and their files."""

from __future__ import annotations

from pathlib import Path


class ResultsError(ValueError):
    """A results folder or file that can't be used: one line that names it, the fault and the cure."""


class StorageError(OSError):
    """A file that can't be written: one line that names it and the reason."""

    def __init__(self, path: Path, error: OSError) -> None:
        super().__init__(f"{path} can't be written: {error.strerror or error}")
