"""Stragglers: batches that load far longer than the others."""

from __future__ import annotations

import numpy as np

# A straggler takes more than twice the median, and lies outside Tukey's outer fence: where the times of all
# batches spread as widely, none of them is special.
TIMES_THE_MEDIAN = 2.0
FENCE = 3.0


def find_stragglers(load_s: np.ndarray) -> np.ndarray:
    """Tell for each batch whether it is a straggler.

    Args:
        load_s: seconds of each batch's loading, shape (batches,).

    Returns:
        Booleans of the same shape.
    """
    if not len(load_s):
        return np.zeros(0, dtype=bool)
    lower, median, upper = np.quantile(load_s, [0.25, 0.5, 0.75])
    least = max(TIMES_THE_MEDIAN * median, upper + FENCE * (upper - lower))
    found: np.ndarray = load_s > least
    return found
