"""Tests of how short epochs are carried over to whole ones."""

from __future__ import annotations

from typing import Any

import pytest

from bench.analysis.tuning.whole_epochs import (
    ShortEpoch,
    compute_whole_throughputs,
    estimate_loading_gain,
    estimate_samples_per_s,
    lengthen,
    lengthen_row,
)
from tests.bench import runs

START_S, BATCH_S = 2.0, 0.1


def cut(batches: int, start_s: float = START_S) -> ShortEpoch:
    """Return an epoch of 8 samples a batch that takes 0.1 s a batch after its start."""
    late = batches - batches // 2
    return ShortEpoch(8.0 * batches, batches, start_s + batches * BATCH_S, late * BATCH_S)


@pytest.mark.parametrize("batches", [1, 2, 5, 16, 101])
def test_short_epoch_is_as_fast_as_the_whole_one(batches: int) -> None:
    whole_s = START_S + 1000 * BATCH_S
    assert lengthen([cut(batches)], 8000) == pytest.approx(8000 / whole_s)


def test_several_epochs_are_added() -> None:
    whole_s = 2 * (START_S + 1000 * BATCH_S)
    assert lengthen([cut(10), cut(30)], 8000) == pytest.approx(16000 / whole_s)


def test_epoch_of_unknown_length_has_the_steady_rate() -> None:
    assert lengthen([cut(10)], None) == pytest.approx(8 / BATCH_S)


def test_queue_that_drains_does_not_make_it_faster() -> None:
    """Of 40 batches the first 16 wait already; the others take 0.1 s each."""
    drained = ShortEpoch(320.0, 40, START_S + 24 * BATCH_S, 20 * BATCH_S)
    found = lengthen([drained], 8000)
    assert found == pytest.approx(8000 / (START_S + (1000 - 16) * BATCH_S))


def test_whole_epoch_is_left_as_it_is() -> None:
    assert lengthen([ShortEpoch(100.0, 10, 4.0, 1.0)], 100) == 25.0


def test_without_the_second_half_the_whole_is_scaled() -> None:
    assert lengthen([ShortEpoch(100.0, 10, 4.0, None)], 200) == 25.0


def test_no_epoch_has_no_rate() -> None:
    assert lengthen([], 100) is None


def test_first_epoch_counts_only_where_it_is_alone() -> None:
    cold = runs.row(epoch=0, samples=100, batches=10, wall_s=50.0, late_s=25.0)
    warm = runs.row(epoch=1, samples=100, batches=10, wall_s=10.0, late_s=5.0)
    failed = runs.row(epoch=1, status="failed", error="it failed")
    assert estimate_samples_per_s([cold, warm], 100) == 10.0
    assert estimate_samples_per_s([cold], 100) == 2.0
    assert estimate_samples_per_s([failed], 100) is None


@pytest.mark.parametrize("whole_samples", [None, 50, 100, 8000])
@pytest.mark.parametrize("late_s", [None, 0.5])
def test_row_gives_the_same_as_an_epoch(whole_samples, late_s) -> None:
    row = runs.row(samples=80, batches=10, wall_s=3.0, late_s=late_s)
    longer = lengthen_row(row, whole_samples)
    assert longer.samples == 80
    assert longer.wall_s == pytest.approx(80 / lengthen([ShortEpoch(80, 10, 3.0, late_s)], whole_samples))


def test_row_of_a_failure_stays_as_it_is() -> None:
    failed = runs.row(status="failed", error="no", samples=None, wall_s=None)
    assert lengthen_row(failed, 800) is failed


def test_table_gives_the_same_as_rows(tmp_path) -> None:
    rows = [
        runs.row(
            configuration=number,
            block=block,
            epoch=epoch,
            samples=80,
            batches=10,
            wall_s=3.0 + number,
            late_s=0.5,
        )
        for number in (0, 1)
        for block in (0, 1)
        for epoch in (0, 1)
    ]
    table = runs.table(tmp_path, [*rows, runs.row(configuration=2, status="failed", error="no")])
    found = compute_whole_throughputs(table, 800)
    assert set(found) == {0, 1}
    assert found[1][1] == pytest.approx(estimate_samples_per_s([rows[-1]], 800))


def test_faster_loading_gains_what_is_not_the_step() -> None:
    """Of a warm epoch, as first steps take longer."""
    cold = runs.row(epoch=0, samples=1000, batches=10, wall_s=5.0, step_s=4.9)
    warm = runs.row(epoch=1, samples=1000, batches=10, wall_s=1.0, step_s=0.98)
    assert estimate_loading_gain([cold, warm], 1000.0) == pytest.approx(1 / 0.98 - 1)
    # Whole epochs have less of the start.
    assert estimate_loading_gain([cold, warm], 1010.0) == pytest.approx(1 / 0.98 / 1.01 - 1)
    assert estimate_loading_gain([warm], 2000.0) == 0


@pytest.mark.parametrize(
    ("changes", "samples_per_s"),
    [({"device": "cuda"}, 1000.0), ({"epoch": 0}, 1000.0), ({"step_s": 0.0}, 1000.0), ({}, None)],
)
def test_nothing_is_known_of_faster_loading(changes: dict[str, Any], samples_per_s: float | None) -> None:
    """Beside a GPU, in a cold epoch, without a step and without a throughput."""
    row = runs.row(**{"epoch": 1, **changes})
    assert estimate_loading_gain([row], samples_per_s) is None
