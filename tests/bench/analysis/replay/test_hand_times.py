"""What replays read of the way of batches from workers to the training loop."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from bench.analysis.replay.hand_times import ASSUMED, LONGEST_TURN_S, read_hand_times
from bench.analysis.replay.ladder_times import LadderTimes
from tests.bench.analysis.replay.traces import MadeUpLoader

UNKNOWN = LadderTimes()


def test_without_workers_it_is_the_loaders_own_time() -> None:
    """Waiting beyond the loading itself."""
    trace = MadeUpLoader(num_workers=0).make_trace()
    slower = replace(trace, begun_s=trace.begun_s + 0.0003)
    assert read_hand_times(slower, UNKNOWN, MadeUpLoader(num_workers=0).make_setup()).hand_s == pytest.approx(
        0.0003
    )


def test_batches_that_are_there_tell_their_receipt() -> None:
    """Workers are ahead of a slow step."""
    trace = MadeUpLoader(step_s=0.05, hand_s=0.002).make_trace()
    found = read_hand_times(trace, UNKNOWN, MadeUpLoader().make_setup())
    assert found.hand_s == pytest.approx(0.002)


def test_the_rung_tells_the_receipt_from_the_way() -> None:
    """A batch that is waited for takes both."""
    trace = MadeUpLoader(hand_s=0.005, num_workers=1).make_trace()
    found = read_hand_times(trace, LadderTimes(transport_s=0.002), MadeUpLoader(num_workers=1).make_setup())
    assert (found.hand_s, found.latency_s) == (pytest.approx(0.002), pytest.approx(0.003))


def test_nothing_to_read_is_assumed() -> None:
    """A trace whose batches were all received before their turn, and no rung."""
    trace = MadeUpLoader(step_s=0.05, hand_s=0.0).make_trace()
    early = replace(trace, ended_s=trace.asked_s - 1, arrived_s=trace.asked_s)
    assert read_hand_times(early, UNKNOWN, MadeUpLoader().make_setup()).hand_s == ASSUMED.hand_s


def test_a_thread_receives_batches_that_are_there() -> None:
    """With page-locked memory the training loop sees nothing of the receipt; the rung does."""
    loader = MadeUpLoader(step_s=0.05, hand_s=0.0001, transfer_s=0.001)
    setup = loader.make_setup(pin_memory=True)
    found = read_hand_times(loader.make_trace(), LadderTimes(transport_s=0.004), setup)
    assert found.hand_s == pytest.approx(0.004)
    assert found.has_receiver


@pytest.mark.parametrize(("turn_s", "found_s"), [(0.0, 0.0), (0.0003, 0.0003), (0.02, LONGEST_TURN_S)])
@pytest.mark.parametrize("in_order", [True, False])
def test_a_worker_turns_to_its_next_batch(in_order, turn_s, found_s) -> None:
    """Longer turns hold a wait for a core."""
    loader = MadeUpLoader(in_order=in_order)
    trace = loader.make_trace()
    later = replace(trace, begun_s=trace.begun_s + turn_s * np.linspace(1, 2, trace.batches))
    turns = later if turn_s else trace
    assert read_hand_times(turns, UNKNOWN, loader.make_setup()).turn_s == pytest.approx(found_s, rel=0.2)


def test_an_idle_worker_does_not_turn() -> None:
    """It waits until it is told of a batch."""
    loader = MadeUpLoader(step_s=0.05)
    assert read_hand_times(loader.make_trace(), UNKNOWN, loader.make_setup()).turn_s == 0
