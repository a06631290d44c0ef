"""Screen: how much a command prints, and in which form."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Screen:
    """Amount and form of a command's output. Errors always go to standard error.

    Attributes:
        as_json: whether the answer is one JSON document. Progress goes to standard error then.
        quiet: whether the answer is printed, and nothing else.
    """

    as_json: bool = False
    quiet: bool = False
