"""Order of the things that a benchmark measures in turn."""

from __future__ import annotations

import random
from collections.abc import Iterable
from typing import TypeVar

T = TypeVar("T")


def order_turn(things: Iterable[T], turn: int) -> list[T]:
    """Return the things in an order of the turn's own, so that none always follows the same other one.

    Args:
        things: what is measured once in each turn.
        turn: number of the turn.
    """
    listed = list(things)
    return random.Random(turn).sample(listed, len(listed))
