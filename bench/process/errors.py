"""Errors of processes that are started."""

from __future__ import annotations


class ProcessError(RuntimeError):
    """What went wrong in the other process, in one line."""
