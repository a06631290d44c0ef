"""Both ends of an epoch, with any number of workers."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
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


def test_rows_tell_the_creation_and_traces_when_workers_begin() -> None:
    """Tracing may slow the creation of workers down; rows have no trace."""
    trace = MadeUpLoader(start_s=0.5, end_s=0.1).make_trace()
    late = replace(trace, startup_s=0.3)
    row = MadeUpLoader().make_row(trace, 0, startup_s=0.25)
    assert read_start_times(late, [row]) == StartTimes(0.25, pytest.approx(0.2), pytest.approx(0.1))
    assert read_start_times(late, []) == StartTimes(0.3, pytest.approx(0.2), pytest.approx(0.1))


def test_workers_begin_at_their_mean() -> None:
    """The second of two begins later by 40 ms."""
    trace = MadeUpLoader(start_s=0.5).make_trace()
    begun_s = trace.begun_s + np.where(trace.worker == 1, 0.04, 0.0)
    assert read_start_times(replace(trace, begun_s=begun_s), []).start_s == pytest.approx(0.52)


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
