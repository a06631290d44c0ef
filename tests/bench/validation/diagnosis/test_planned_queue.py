"""Tests of PlannedQueue against epochs that can be reckoned by hand, without a worker's own cost."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bench.validation.diagnosis.epoch_plan import EpochPlan

BARE = EpochPlan(batches=10, persistent=False, worker_ms=0)


@pytest.mark.parametrize(
    ("changes", "wall_ms"),
    [
        # Without workers all parts follow each other, and nothing goes through a pipe.
        ({"num_workers": 0, "fetch_ms": 7, "step_ms": 3, "transfer_ms": 2, "unpickle_ms": 9}, 120),
        # One worker that is slower than the step: the last step follows the last batch.
        ({"num_workers": 1, "fetch_ms": 7, "step_ms": 3}, 73),
        # Two workers end two batches each 20 ms. The last two steps follow them.
        ({"fetch_ms": 20, "step_ms": 3}, 106),
        # Hidden loading: the first batch is waited for, then steps follow each other.
        ({"fetch_ms": 4, "step_ms": 10}, 104),
        ({"fetch_ms": 4, "step_ms": 10, "step_busy": True}, 104),
        # The training process reads each batch from the pipe and moves it.
        ({"fetch_ms": 4, "unpickle_ms": 5, "transfer_ms": 2, "step_ms": 3}, 104),
        ({"payload_mb": 5, "pipe_ms": 2, "step_ms": 3}, 130),
        # The sampler in the training process: four batches ahead, then one for each that is taken.
        ({"order_ms": 4, "fetch_ms": 2, "step_ms": 3}, 70),
        ({"num_workers": 0, "order_ms": 4, "fetch_ms": 2, "step_ms": 3}, 90),
        # The start of workers: their own, at the same time; and the training process's, one after another.
        ({"start_ms": 50, "fetch_ms": 4, "step_ms": 10}, 154),
        ({"worker_ms": 6, "fetch_ms": 4, "step_ms": 10}, 112),
        ({"start_ms": 50, "worker_ms": 6, "persistent": True, "fetch_ms": 4, "step_ms": 10}, 104),
        # Two transforms and more: the slow one of four, three others.
        ({"num_workers": 1, "slow_transform": 2, "transform_ms": 8, "other_ms": 2, "collate_ms": 1}, 150),
        ({"num_workers": 1, "collate_ms": 1, "other_ms": 2}, 10),
        # Four workers that compute share two cores.
        ({"num_workers": 4, "batches": 8, "fetch_ms": 20, "busy": True}, 80),
        ({"num_workers": 4, "batches": 8, "fetch_ms": 20}, 40),
        ({"num_workers": 2, "fetch_ms": 20, "busy": True, "cores": 1}, 200),
        # A worker and the step share one core, so that neither overlaps the other.
        ({"num_workers": 1, "fetch_ms": 5, "busy": True, "step_ms": 5, "step_busy": True, "cores": 1}, 100),
    ],
)
def test_an_epoch_takes_what_can_be_reckoned(changes, wall_ms) -> None:
    assert replace(BARE, **changes).wall_s == pytest.approx(wall_ms * 1e-3, rel=1e-6)


def test_a_slow_sample_holds_the_queue_up_in_order_only() -> None:
    """Sample 4 × 5 makes batch 5 late by 100 ms; batches of the other worker are there meanwhile."""
    plan = replace(BARE, batches=20, fetch_ms=10, step_ms=5, slow_samples=1, slow_ms=100)
    (index,) = plan.slow_indices
    assert index == 48
    smooth = replace(plan, slow_ms=0)
    in_order = plan.wall_s - smooth.wall_s
    out_of_order = replace(plan, in_order=False).wall_s - smooth.wall_s
    assert 0.08 <= in_order <= 0.1 + 1e-9
    assert 0 < out_of_order <= 0.8 * in_order


def test_more_prefetching_bridges_a_slow_sample() -> None:
    plan = replace(BARE, batches=40, fetch_ms=10, step_ms=8, slow_samples=1, slow_ms=100)
    assert replace(plan, prefetch_factor=8).wall_s < plan.wall_s


def test_many_workers_take_the_cores_from_the_step() -> None:
    """They load ahead at the epoch's begin, which leaves a core idle at its end."""
    plan = replace(BARE, batches=40, busy=True, fetch_ms=10, step_ms=10, step_busy=True)
    assert replace(plan, num_workers=1).wall_s == pytest.approx(0.41)
    assert replace(plan, num_workers=12).wall_s > 1.1 * replace(plan, num_workers=1).wall_s


@pytest.mark.parametrize(
    ("knobs", "field", "value"),
    [
        ({"num_workers": 4}, "num_workers", 4),
        ({"persistent_workers": True, "prefetch_factor": None}, "persistent", True),
        ({"in_order": False}, "in_order", False),
        ({}, "batches", 10),
    ],
)
def test_arguments_of_a_dataloader_change_the_plan(knobs, field, value) -> None:
    changed = BARE.with_knobs(knobs)
    assert changed is not None
    assert changed == replace(BARE, **{field: value})


def test_an_argument_that_is_not_planned_for_has_no_plan() -> None:
    assert BARE.with_knobs({"num_workers": 4, "batch_size": 8}) is None
