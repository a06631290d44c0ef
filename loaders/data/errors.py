"""DataError: missing or damaged data."""

from __future__ import annotations


class DataError(ValueError):
    """Missing, damaged or unreadable data. One line: the file or URL, the problem, the expectation."""
