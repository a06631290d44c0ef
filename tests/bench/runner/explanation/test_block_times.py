"""About how long the processes of a block take."""

from __future__ import annotations

import pytest

from bench.runner.explanation.block_times import MARGIN, RUNG_S, BlockTimes
from bench.runner.first_look import FirstLook

LOOK = FirstLook(process_s=1.0, ends_s=0.5, batch_s=0.1, step_s=0.02)


def test_an_epoch_has_its_ends_and_its_batches() -> None:
    """Two epochs of the configuration and of the trace; the ceiling loads once, and then takes steps."""
    whole, ceiling, trace, ladder = BlockTimes(LOOK, 0, [2, 2], is_repeated=False).list_s(10)
    assert whole == trace == pytest.approx(1.0 + 2 * 1.5)
    assert ceiling == pytest.approx(1.0 + 1.5 + 2 * 10 * 0.02)
    assert ladder > 1.0 + RUNG_S


def test_the_first_block_runs_the_audit_too() -> None:
    """The repetition takes as long as the configuration."""
    without, with_it = (BlockTimes(LOOK, 0, [2], is_repeated=repeated) for repeated in (False, True))
    assert with_it.estimate_first_s(10) - without.estimate_first_s(10) == pytest.approx(MARGIN * 4.0)


def test_slow_batches_lengthen_the_rungs() -> None:
    """Each rung has a few batches, and with workers one process loads what they share."""
    slow = FirstLook(1.0, 0.5, batch_s=2.0, step_s=0.0)
    *_, alone = BlockTimes(slow, 0, [2], is_repeated=False).list_s(16)
    *_, shared = BlockTimes(slow, 4, [2], is_repeated=False).list_s(16)
    assert shared > 2 * alone > 40


@pytest.mark.parametrize("workers", [0, 3])
def test_epochs_are_as_long_as_the_budget_allows(workers) -> None:
    """One batch more would not fit."""
    times = BlockTimes(LOOK, workers, [2, 2], is_repeated=True)
    batches = times.find_batches(60.0, fewest=16, most=10_000)
    assert batches is not None
    assert 16 < batches < 10_000
    assert times.estimate_first_s(batches) <= 60.0 < times.estimate_first_s(batches + 1)


def test_an_epoch_is_no_longer_than_wanted() -> None:
    """And nothing fits a budget that is shorter than the shortest block."""
    times = BlockTimes(LOOK, 0, [2], is_repeated=True)
    assert times.find_batches(1e9, fewest=16, most=30) == 30
    assert times.find_batches(1.0, fewest=16, most=30) is None
