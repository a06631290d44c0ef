"""The length of an object that may have none."""

from __future__ import annotations

from typing import Any


def find_length(sized: Any) -> int | None:
    """Return the length of an object; None where it has none.

    A DataLoader over an iterable dataset has `__len__` and raises TypeError.
    """
    try:
        return len(sized)
    # A user's __len__ may raise anything.
    except Exception:
        return None
