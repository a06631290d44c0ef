"""The Pareto front of throughput and memory."""

from __future__ import annotations

import pandas as pd

from bench.analysis.pareto import find_front


def test_nothing_on_the_front_is_beaten_in_both() -> None:
    """Of two with the same memory the faster one is on it; unknown memory is on none."""
    lines = pd.DataFrame(
        {
            "configuration": [0, 1, 2, 3, 4],
            "samples_per_s": [10.0, 30.0, 20.0, 25.0, 99.0],
            "peak_memory_bytes": [100, 300, 200, 200, None],
        }
    )
    assert find_front(lines)["configuration"].tolist() == [0, 3, 1]


def test_one_that_is_best_in_both_is_alone() -> None:
    """Equal ones don't follow it."""
    lines = pd.DataFrame(
        {"configuration": [0, 1], "samples_per_s": [30.0, 30.0], "peak_memory_bytes": [100, 200]}
    )
    assert find_front(lines)["configuration"].tolist() == [0]
