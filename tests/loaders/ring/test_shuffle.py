"""shuffle of ring.c: every order is equally likely."""

from __future__ import annotations

import numpy as np
import pytest

from loaders.native import native


def test_the_order_is_a_fair_shuffle() -> None:
    """Each of the 24 orders of four numbers comes about as often."""
    library = native().library
    if library is None:
        pytest.skip("ring.c isn't compiled here")
    order = np.empty(4, np.int64)
    counts: dict[tuple[int, ...], int] = {}
    for seed in range(24_000):
        library.shuffle(order.ctypes.data, 4, seed)
        counts[tuple(order)] = counts.get(tuple(order), 0) + 1
    assert len(counts) == 24
    # Chi-squared with 23 degrees of freedom passes 49.7 once in a thousand; the seeds are always the same.
    assert sum((count - 1000) ** 2 / 1000 for count in counts.values()) < 49.7


@pytest.mark.parametrize("samples", [1, 2, 16_384, 16_385, 100_000])
def test_the_order_holds_each_number_once(samples: int) -> None:
    """This holds with one bucket and with many, and the order is far from the stored one."""
    library = native().library
    if library is None:
        pytest.skip("ring.c isn't compiled here")
    order = np.empty(samples, np.int64)
    library.shuffle(order.ctypes.data, samples, 5)
    assert np.array_equal(np.sort(order), np.arange(samples))
    if samples > 2:
        # Two independent orders agree in one place, give or take one.
        assert (order == np.arange(samples)).sum() < 8
        halves = np.abs(order[: samples // 2].mean() / samples - 0.5)
        assert halves < 3 / np.sqrt(6 * samples)
