"""Processor sharing: how much longer computing takes on too few cores."""

from __future__ import annotations

import numpy as np
import pytest

from bench.analysis.replay.shared_cores import SharedCores, find_stretch


def find_use(wanted: list[float], ratio: float) -> float:
    """Return the cores that are busy when computing takes longer by a factor."""
    return sum(c / (1 - min(1, c) + min(1, c) * ratio) for c in wanted)


def test_cores_that_suffice_stretch_nothing() -> None:
    """Nothing takes longer, up to the last core."""
    assert find_stretch([], 1) == 1
    assert find_stretch([0.0, 0.5, 0.5], 1) == 1


def test_computing_is_stretched_by_the_sum_over_the_cores() -> None:
    """Where nothing waits."""
    assert find_stretch([1, 1, 1], 2) == pytest.approx(1.5)
    assert find_stretch([1.8, 1, 1], 2) == pytest.approx(1.9)


def test_waiting_gives_way() -> None:
    """Two that compute for half of their time, on half a core: 2 × 0.5 / (0.5 + 0.5 r) = 0.5."""
    assert find_stretch([0.5, 0.5], 0.5) == pytest.approx(3.0)


def test_every_core_is_busy() -> None:
    """For any wishes on fewer cores than they want."""
    draw = np.random.default_rng(0)
    for _ in range(200):
        wanted = [*draw.uniform(0, 1, draw.integers(1, 20)), 2.5 * draw.random()]
        cores = sum(wanted) * draw.uniform(0.05, 0.95)
        assert find_use(wanted, find_stretch(wanted, cores)) == pytest.approx(cores, rel=1e-5)


def test_work_that_ends_leaves_its_share() -> None:
    """Of one and two seconds on one core, the first ends after two, the second after three."""
    cores, ends = SharedCores(1, 0.0), {}
    for seconds in (1, 2):
        cores.start(seconds, 1.0, lambda seconds=seconds: ends.update({seconds: cores.now}))
    cores.advance()
    cores.advance()
    assert ends == {1: pytest.approx(2), 2: pytest.approx(3)}
