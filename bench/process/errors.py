"""Errors of processes that are started."""

from __future__ import annotations


class ProcessError(RuntimeError):
    """A failure of another process, or of starting one, in one line."""
