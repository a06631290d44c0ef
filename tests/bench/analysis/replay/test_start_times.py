"""Both ends of an epoch, with any number of workers."""

from __future__ import annotations

import pytest

from bench.analysis.replay.change import Change
from bench.analysis.replay.start_times import (
    FORK_S,
    IMPORT_S,
    StartTimes,
    find_start_times,
    read_start_times,
)
from tests.bench.analysis.replay.traces import MadeUpLoader

MEASURED = StartTimes(creating_s=0.1, preparing_s=0.4, end_s=0.02)


def test_workers_are_created_one_after_another_and_prepare_side_by_side() -> None:
    """Twice the workers on enough cores."""
    assert MEASURED.scale(2, 4, cores=8) == StartTimes(0.2, 0.4, 0.04)


def test_a_crowd_prepares_longer() -> None:
    """Eight imports on two cores take four times as long as two."""
    assert MEASURED.scale(2, 8, cores=2).preparing_s == pytest.approx(1.6)
    assert MEASURED.scale(8, 2, cores=2).preparing_s == pytest.approx(0.1)


def test_rows_tell_the_start_and_traces_the_first_batch() -> None:
    """Tracing may slow the start of workers down; rows have no trace."""
    loader = MadeUpLoader(start_s=0.5, end_s=0.1)
    trace = loader.make_trace()
    row = loader.make_row(trace, 0, startup_s=0.2, time_to_first_batch_s=0.4592)
    found = read_start_times(trace, [row])
    assert found.start_s == pytest.approx(0.45)
    assert found.creating_s == pytest.approx(0.2)
    assert found.end_s == pytest.approx(0.1)
    assert read_start_times(trace, []).start_s == pytest.approx(0.5)


def test_no_worker_begins_before_all_are_created() -> None:
    """A first batch that was traced on a busy machine may take longer than the row's whole wait."""
    trace = MadeUpLoader().make_trace()
    row = MadeUpLoader().make_row(trace, 0, startup_s=0.3, time_to_first_batch_s=0.305)
    assert read_start_times(trace, [row]).start_s == pytest.approx(0.3)


def find(change: Change, **changes) -> StartTimes:
    """Return both ends after a change of two workers that are started in each epoch."""
    return find_start_times(change, MadeUpLoader(num_workers=2).make_setup(**changes), MEASURED, None)


def test_workers_that_live_on_have_no_end() -> None:
    """And hardly any start."""
    found = find(Change(persistent_workers=True))
    assert found.start_s < 0.01
    assert found.end_s == 0
    assert find(Change(num_workers=8), persistent_workers=True) == MEASURED


def test_without_workers_there_is_none() -> None:
    """Nor is there in a replay without start-up."""
    assert find(Change(num_workers=0)) == StartTimes(0, 0, 0)
    assert find(Change(without={"start-up"})) == StartTimes(0, 0, 0)
    assert find(Change(), num_workers=0) == MEASURED


@pytest.mark.parametrize(
    ("method", "start_s"), [("fork", 4 * FORK_S), ("spawn", 4 * FORK_S + IMPORT_S * 2), ("forkserver", 6.08)]
)
def test_the_first_workers_of_a_loader_are_assumed(method, start_s) -> None:
    """A fork is short; others import torch, here two by two."""
    setup = MadeUpLoader(num_workers=0).make_setup(multiprocessing_context=method, cores=2)
    assert find_start_times(Change(num_workers=4), setup, MEASURED, None).start_s == pytest.approx(start_s)


def test_a_cold_epoch_tells_what_is_paid_again() -> None:
    """Workers that lived on are started in each epoch."""
    setup = MadeUpLoader(num_workers=2).make_setup(persistent_workers=True)
    cold = StartTimes(0.3, 0.2, 0.0)
    found = find_start_times(Change(persistent_workers=False, num_workers=4), setup, MEASURED, cold)
    assert found.start_s == pytest.approx(0.6 + 0.2)
