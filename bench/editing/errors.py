"""EditError: a file that can't be changed by itself."""

from __future__ import annotations


class EditError(ValueError):
    """A change that can't be made unambiguously: one line that names the place, the reason and the cure."""
