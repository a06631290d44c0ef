"""Steps of planned length, as the column `step` names them."""

from __future__ import annotations

import re

LENGTH = re.compile(r"(\d+(?:\.\d+)?)ms")


def computes_nothing(step: str) -> bool:
    """Return True if a step only takes time, or if there is none.

    Args:
        step: name of the step, such as `12ms` or `none`.
    """
    return step == "none" or LENGTH.fullmatch(step) is not None
