"""DataError: data that is missing, damaged or can't be had."""

from __future__ import annotations


class DataError(ValueError):
    """Data that is missing, damaged or can't be had: one line says what, where, and what was expected."""
