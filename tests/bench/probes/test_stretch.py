"""Stretches: where they begin and end, and what they count."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from bench.probes.stretch import StretchPlan, Taker, time_stretches


def stretches(batches: int, plan: StretchPlan, number: int = 1) -> list[tuple[int, int]]:
    """Return batches and samples of each stretch; batch n has n samples."""
    found = time_stretches(lambda: iter(range(1, batches + 1)), plan, Taker(lambda batch: batch), number)
    return [(stretch.batches, stretch.samples) for stretch in found]


@pytest.mark.parametrize(
    ("plan", "batches", "elapsed_s", "over"),
    [
        (StretchPlan(2.0), 100, 1.9, False),
        (StretchPlan(2.0), 100, 2.0, True),
        (StretchPlan(2.0), 3, 60.0, False),
        (StretchPlan(2.0, turn=3), 6, 2.0, True),
        (StretchPlan(2.0, turn=3), 7, 2.0, False),
        (StretchPlan(2.0, turn=8), 8, 2.0, False),
        (StretchPlan(2.0, most=5), 5, 0.0, True),
    ],
)
def test_a_stretch_is_over(plan, batches, elapsed_s, over) -> None:
    """At its limit, in whole turns of the workers, with at least two turns and four batches."""
    assert plan.is_over(batches, elapsed_s) is over


def test_stretches_follow_each_other() -> None:
    """The batches before the first one don't count, and a short rest is dropped."""
    assert stretches(13, StretchPlan(0.0, skip=3), 5) == [(4, 4 + 5 + 6 + 7), (4, 8 + 9 + 10 + 11)]
    assert stretches(13, StretchPlan(0.0, skip=3), 1) == [(4, 22)]
    assert stretches(3, StretchPlan(9.0)) == [(3, 6)]


def test_an_epoch_shorter_than_the_start() -> None:
    """It is timed from its first batch on, and a single batch from the start."""
    assert stretches(3, StretchPlan(9.0, skip=4)) == [(2, 5)]
    assert stretches(4, StretchPlan(9.0, skip=4)) == [(3, 9)]
    assert stretches(5, StretchPlan(9.0, skip=4, turn=4)) == [(4, 14)]
    assert stretches(1, StretchPlan(9.0, skip=4)) == [(1, 1)]
    with pytest.raises(ValueError, match="no batch"):
        stretches(0, StretchPlan(9.0, skip=4))
    with pytest.raises(ValueError, match="no batch"):
        stretches(0, StretchPlan(9.0))


def test_the_start_up_is_told_once() -> None:
    """Only the first stretch has one, for the loader starts once."""
    found = time_stretches(lambda: iter(range(9)), StretchPlan(0.0, skip=1), Taker(int), 2)
    assert [stretch.startup_s > 0 for stretch in found] == [True, False]


class _Slow(Taker):
    finished = 0

    def finish(self) -> None:
        self.finished += 1


def test_a_taker_finishes_each_stretch() -> None:
    """Copies that are under way belong to the stretch that has begun them."""
    taker = _Slow(int)

    def count() -> Iterator[int]:
        yield from range(8)

    assert len(time_stretches(count, StretchPlan(0.0), taker, 2)) == taker.finished == 2
