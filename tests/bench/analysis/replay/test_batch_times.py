"""Seconds of batches inside workers, as replays read them off traces."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from bench.analysis.replay.batch_times import read_batch_times
from bench.analysis.replay.change import Change
from bench.analysis.replay.ladder_times import LadderTimes
from tests.bench.analysis.replay.traces import MadeUpLoader

LOADER = MadeUpLoader(fetch_s=0.002, transforms={"A": 0.003, "B": 0.001, "A again": 0.002}, delayed_s=0.004)


def read(trace, **changes):
    """Return the times of a trace on many cores."""
    options = {"cores": 64, "in_order": True, "starts_workers": True, **changes}
    return read_batch_times(trace, LadderTimes(), **options)


def test_a_delay_is_taken_out_of_every_stage() -> None:
    """Stages keep their proportions, and sum to the loading with a core."""
    times = read(LOADER.make_trace())
    assert list(times.stages) == ["fetch", "transform 1", "transform 2", "transform 3", "collate"]
    assert times.load_s == pytest.approx(np.full(64, 0.009))
    assert times.stages["transform 1"] / times.stages["transform 2"] == pytest.approx(np.full(64, 3.0))


def test_no_less_than_its_cpu_time() -> None:
    """A delay that was counted beyond the rest doesn't count."""
    trace = LOADER.make_trace()
    times = read(replace(trace, delayed_s=np.full(64, 1.0)))
    assert times.load_s == pytest.approx(trace.cpu_s)


def test_names_of_transforms() -> None:
    """By number; by name where it is the only one."""
    trace = replace(LOADER.make_trace(), transforms=("A", "B", "A"))
    names = read(trace).names
    assert names["B"] == "transform 2"
    assert "A" not in names
    assert names["transform 3"] == "transform 3"


def test_first_batches_of_new_workers() -> None:
    """One for each worker, in epochs that start them."""
    trace = replace(LOADER, num_workers=3).make_trace()
    assert np.flatnonzero(read(trace).is_first).tolist() == [0, 1, 2]
    assert not read(trace, starts_workers=False).is_first.any()


def test_batches_out_of_order_return_to_it() -> None:
    """A straggler that was delivered late was begun in its place."""
    trace = replace(LOADER, in_order=False, slow={5: 0.5}, num_workers=2, delayed_s=0.0).make_trace()
    assert np.argmax(trace.load_s) > 5
    assert np.argmax(read(trace, in_order=False).load_s) == 5


def test_stragglers_and_first_batches_are_told_apart() -> None:
    """Each has a loss of its own."""
    loader = MadeUpLoader(first_s=0.3, slow={30: 0.4})
    times = read(loader.make_trace())
    typical_s = loader.fetch_s + loader.collate_s
    for without, left in (({"start-up"}, [30]), ({"stragglers"}, [0, 1]), ({"start-up", "stragglers"}, [])):
        load_s, cpu_s = times.apply(Change(without=without))
        assert np.flatnonzero(load_s > 2 * typical_s).tolist() == left
        assert np.flatnonzero(cpu_s > 2 * typical_s).tolist() == left


def test_factors_and_removed_stages() -> None:
    """CPU time shrinks with its stage."""
    times = read(replace(LOADER, delayed_s=0.0).make_trace())
    load_s, cpu_s = times.apply(Change(without={"B"}, load_factor={"fetch": 0.5}))
    assert load_s == pytest.approx(np.full(64, 0.009 - 0.001 - 0.001))
    assert cpu_s == pytest.approx(load_s)
    assert times.apply(Change(load_factor=2.0))[0] == pytest.approx(np.full(64, 0.018))


def test_a_wait_is_no_delay_while_cores_are_free() -> None:
    """Where the system tells no delays, free cores do."""
    trace = MadeUpLoader(cpu={"fetch": 0.1}, num_workers=2).make_trace()
    blind = replace(trace, delayed_s=np.full(64, np.nan))
    assert read(blind).load_s == pytest.approx(trace.load_s)
