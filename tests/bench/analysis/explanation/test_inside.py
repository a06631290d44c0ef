"""Where the loading of a traced epoch spends its time."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from bench.analysis.explanation.inside import (
    find_loading_wait_s,
    find_way_s,
    split_wait,
    split_workers,
)
from tests.bench.analysis.replay.traces import MadeUpLoader

LOADER = MadeUpLoader(transforms={"Crop": 0.002, "Lambda": 0.001})


def by_name(stages) -> dict[str, float]:
    return {stage.name: stage.epoch_s for stage in stages}


def test_waits_without_workers_are_their_stages() -> None:
    """They sum to the waits, and each stage has its planned time."""
    trace = replace(LOADER, num_workers=0).make_trace()
    stages = by_name(split_wait(trace))
    assert sum(stages.values()) == pytest.approx(trace.wait_s.sum())
    planned = {"fetch": 0.008, "Crop": 0.002, "Lambda": 0.001, "collate": 0.001}
    assert {name: seconds / trace.batches for name, seconds in stages.items() if name in planned} == (
        pytest.approx(planned)
    )


@pytest.mark.parametrize("in_order", [True, False])
@pytest.mark.parametrize("step_s", [0.0, 0.002, 0.02])
def test_the_time_of_workers_sums_to_the_wall(in_order, step_s) -> None:
    """Of each of them, whatever bounds the epoch."""
    trace = replace(LOADER, num_workers=3, step_s=step_s, in_order=in_order).make_trace()
    stages = by_name(split_workers(trace, 3, 2, in_order))
    assert sum(stages.values()) == pytest.approx(3 * trace.wall_s)
    assert stages["fetch"] / trace.batches == pytest.approx(0.008)


def test_workers_are_idle_while_the_queue_is_full() -> None:
    """A step of 20 ms leaves two workers of 12 ms idle for 70% of their time; no step leaves them busy."""
    slow, fast = replace(LOADER, step_s=0.02).make_trace(), replace(LOADER, step_s=0.0).make_trace()
    idle = by_name(split_workers(slow, 2, 2, True))["idle"] / (2 * slow.wall_s)
    assert idle == pytest.approx(0.7, abs=0.05)
    assert by_name(split_workers(fast, 2, 2, True))["idle"] / (2 * fast.wall_s) < 0.1


def test_a_worker_without_a_batch_is_idle() -> None:
    """An epoch of one batch needs one worker."""
    trace = replace(LOADER, batches=1).make_trace()
    stages = by_name(split_workers(trace, 2, 2, True))
    assert stages["idle"] > trace.wall_s
    assert sum(stages.values()) == pytest.approx(2 * trace.wall_s)


def test_waits_are_for_the_loading_or_for_the_way() -> None:
    """Where receiving takes longer than all else, it is the way; where loading does, the loading."""
    slow_way = replace(LOADER, hand_s=0.03).make_trace()
    assert find_way_s(slow_way)[1:].mean() == pytest.approx(0.03, rel=0.05)
    assert find_loading_wait_s(slow_way).sum() < 0.05 * slow_way.wall_s
    slow_loading = replace(LOADER, hand_s=1e-4).make_trace()
    assert find_way_s(slow_loading).sum() < 0.05 * find_loading_wait_s(slow_loading).sum()


def test_batches_that_were_not_seen_count_nowhere() -> None:
    """Their time is other time of their worker, so the sum stays."""
    trace = LOADER.make_trace()
    holes = {name: getattr(trace, name).copy() for name in ("begun_s", "fetched_s", "ended_s")}
    for array in holes.values():
        array[5] = np.nan
    trace = replace(trace, **holes)
    stages = by_name(split_workers(trace, 2, 2, True))
    assert sum(stages.values()) == pytest.approx(2 * trace.wall_s)
    assert not np.isnan(find_way_s(trace)).any()
