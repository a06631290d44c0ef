"""The stopping rule: configurations that need another block."""

from __future__ import annotations

import random

import pytest

from bench.analysis.stopping_rule import find_open_contenders
from tests.bench import runs
from tests.bench.runs import blocks, failed


def walls(count: int, seconds: float = 1.0, noise: float = 0.01, seed: int = 0) -> list[float]:
    """Return seconds that deviate to both sides by the share `noise`, in a random order."""
    swings = [seconds * (1 + noise * (1 if block % 2 else -1)) for block in range(count)]
    random.Random(seed).shuffle(swings)
    return swings


def still_open(folder, rows, precision=0.03) -> list[int]:
    return find_open_contenders(runs.table(folder, rows), precision)


@pytest.mark.parametrize(("count", "found"), [(1, [0]), (7, [0]), (8, []), (12, [])])
def test_one_alone_is_settled_by_its_own_throughput(tmp_path, count, found) -> None:
    """Its interval is narrow from the start, and believed from eight blocks on."""
    assert still_open(tmp_path, blocks(0, walls(count))) == found


def test_a_wide_interval_goes_on(tmp_path) -> None:
    """An interval of ±10% is too wide for 3%, and narrow enough for 20%."""
    rows = blocks(0, walls(12, noise=0.1))
    assert still_open(tmp_path / "a", rows, 0.03) == [0]
    assert still_open(tmp_path / "b", rows, 0.2) == []


def test_a_tie_goes_on_until_its_ratio_is_narrow(tmp_path) -> None:
    """The best goes on for as long as the other does, and both may stop at once."""
    for count, found in ((8, [0, 1]), (60, [])):
        rows = [*blocks(0, walls(count, noise=0.05)), *blocks(1, walls(count, noise=0.05, seed=1))]
        assert still_open(tmp_path / str(count), rows) == found


def test_what_slows_both_counts_for_nothing(tmp_path) -> None:
    """Blocks differ by a factor of two, the ratio inside them by 1%."""
    drift = [1 + block / 8 for block in range(9)]
    rows = [
        *blocks(0, drift),
        *blocks(1, [wall_s * swing for wall_s, swing in zip(drift, walls(9), strict=True)]),
    ]
    assert still_open(tmp_path, rows) == []


def test_who_is_slower_needs_no_more(tmp_path) -> None:
    """All others are shown to be slower after four blocks, so the best needs no narrower interval."""
    rows = [*blocks(0, walls(4)), *blocks(1, walls(4, 1.3)), *blocks(2, walls(4, 5.0, noise=0.3))]
    assert still_open(tmp_path, rows) == []


def test_slower_is_believed_at_the_second_look(tmp_path) -> None:
    """Three blocks give the first interval, which is only one look."""
    rows = [*blocks(0, walls(3)), *blocks(1, walls(3, 1.3))]
    assert still_open(tmp_path, rows) == [0, 1]


def test_far_behind_needs_one_block(tmp_path) -> None:
    """A tenth of the speed is slower without any interval."""
    assert still_open(tmp_path, [*blocks(0, [1.0]), *blocks(1, [10.0])]) == []


def test_without_an_interval_it_goes_on(tmp_path) -> None:
    """Two blocks give no interval, so one near the best stays open."""
    assert still_open(tmp_path, [*blocks(0, walls(9)), *blocks(1, walls(2, 1.3))]) == [0, 1]


def test_narrow_must_be_seen_twice(tmp_path) -> None:
    """Chance may have made the interval narrow with the last block."""
    swings = [1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.1, 1.1]
    assert still_open(tmp_path / "a", blocks(0, swings)) == [0]
    assert still_open(tmp_path / "b", blocks(0, [*swings, 1.0])) == [0]
    assert still_open(tmp_path / "c", blocks(0, [*swings, 1.0, 1.0, 1.0])) == []


def test_a_group_does_not_wait_for_another(tmp_path) -> None:
    """Other work is settled on its own."""
    alone = blocks(1, walls(9, noise=0.2), step="none", loss=None)
    assert still_open(tmp_path, [*blocks(0, walls(9)), *alone]) == [1]


def test_what_failed_is_no_contender(tmp_path) -> None:
    """It isn't run again, and keeps no other one open."""
    rows = [*blocks(0, walls(9)), *blocks(1, walls(3)), failed(1, 3)]
    assert still_open(tmp_path, rows) == []
