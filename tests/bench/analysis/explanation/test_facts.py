"""The means over blocks that the rules of the diagnosis compare."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from tests.bench.analysis.explanation.planted import BASE, gather
from tests.bench.analysis.replay.traces import scale

LOADER = replace(BASE, fetch_s=0.03, noise=0.0)


def test_an_epoch_of_the_training_has_more_batches_than_a_measured_one() -> None:
    """Start and end are paid once, however long it is."""
    facts, longer = (gather(LOADER.make_evidence(epoch_batches=batches)) for batches in (64, 640))
    once_s = facts.start_s + facts.teardown_s
    assert facts.epoch_s == pytest.approx(facts.measured_s)
    assert longer.epoch_s - once_s == pytest.approx(10 * (facts.epoch_s - once_s))
    # All but start and end is 64 batches of so many seconds.
    assert facts.find_share(facts.steady_s) == pytest.approx(1 - once_s / facts.epoch_s)


def test_waits_are_divided_into_loading_and_way() -> None:
    """As traces have seen them."""
    facts = gather(LOADER.make_evidence())
    assert facts.loading_s + facts.way_s == pytest.approx(facts.wait_s)
    assert facts.way_s < 0.1 * facts.loading_s
    assert gather(replace(LOADER, num_workers=0).make_evidence()).way_s == 0


def test_a_step_beside_workers_may_be_slower_than_alone() -> None:
    """Without workers there is nothing beside it."""
    slow = []
    for loader in (LOADER, replace(LOADER, num_workers=0)):
        evidence = loader.make_evidence()
        blocks = tuple(
            replace(block, step_alone=tuple(replace(row, step_s=row.step_s / 2) for row in block.step_alone))
            for block in evidence.blocks
        )
        slow.append(gather(replace(evidence, blocks=blocks)).contention_s)
    assert slow == [pytest.approx(0.0015), 0.0]


def test_no_wait_for_a_core_is_longer_than_the_loading() -> None:
    """The system may add it to the next batch; where it tells nothing, the share isn't known."""
    evidence = LOADER.make_evidence(1)
    (block,) = evidence.blocks
    shares = []
    for delayed_s in (np.full(64, 9.0), np.full(64, np.nan)):
        traces = tuple(
            replace(scale(trace, 1.0), delayed_s=delayed_s, cpu_s=trace.load_s / 4) for trace in block.traces
        )
        shares.append(gather(replace(evidence, blocks=(replace(block, traces=traces),))).delayed_share)
    assert shares == [pytest.approx(0.75), None]
