"""Errors of processes that are started."""

from __future__ import annotations


class ProcessError(RuntimeError):
    """A failure of another process, or of starting one, in one line."""


class ItemsEndedError(ProcessError):
    """The end of a process that makes no further item, though it went well."""


class ExplainedError(RuntimeError):
    """An error whose text is one line that says all: where it was raised adds nothing."""
