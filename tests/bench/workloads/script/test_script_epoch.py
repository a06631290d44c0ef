"""The timing of a script's loop from the inside, on a clock that only the test moves."""

from __future__ import annotations

import pytest
import torch

from bench.trial.epoch_timings import EpochTimings
from bench.workloads.script.script_epoch import ScriptEpoch

BATCHES, WAIT, STEP, START, END, TAIL = 3, 10, 100, 5, 7, 1000


class Clock:
    """A clock that tests move by hand. It tells no 0, which means never."""

    now = 1_000

    def __call__(self) -> int:
        return self.now


class Inner:
    """An iterator of DataLoader, which takes some time for everything."""

    def __init__(self, clock: Clock, batches: int = BATCHES) -> None:
        self.clock, self.left = clock, batches
        clock.now += START

    def __iter__(self):
        return self

    def __next__(self):
        self.clock.now += WAIT
        if not self.left:
            raise StopIteration
        self.left -= 1
        return torch.zeros(4, 2), torch.zeros(4)

    def __del__(self) -> None:
        self.clock.now += END


class Harness:
    """Makes an epoch, and keeps its timings when it is gone."""

    def __init__(self) -> None:
        self.clock = Clock()
        self.stepped = 0
        self.timings: EpochTimings | None = None

    def open(self) -> ScriptEpoch:
        return ScriptEpoch(lambda: Inner(self.clock), self.close, synchronize=lambda: None, clock=self.clock)

    def close(self, epoch: ScriptEpoch) -> None:
        self.timings = epoch.close(gone=True, stepped_ns=self.stepped)

    def step(self) -> None:
        self.clock.now += STEP
        self.stepped = self.clock.now


def check(timings: EpochTimings, *, wall: int, teardown: int, steps: list[int]) -> None:
    assert timings.startup_ns == START
    assert list(timings.data_wait_ns) == [WAIT] * len(steps)
    assert list(timings.step_ns) == steps
    asked = [START + place * WAIT + sum(steps[:place]) for place in range(len(steps))]
    assert list(timings.asked_ns) == asked
    assert timings.teardown_ns == teardown
    assert timings.wall_ns == wall
    assert (timings.samples, timings.sample_shape, timings.dtype) == (4 * len(steps), (2,), "float32")
    parts = timings.startup_ns + sum(timings.data_wait_ns) + sum(timings.step_ns) + timings.teardown_ns
    assert parts == wall


def test_a_plain_loop() -> None:
    """The epoch ends when the loop has dropped its iterator; workers end in that time."""
    harness = Harness()
    for _ in harness.open():
        harness.step()
    wall = START + BATCHES * (WAIT + STEP) + WAIT + END
    check(harness.timings, wall=wall, teardown=WAIT + END, steps=[STEP] * BATCHES)


def test_a_loop_that_breaks_off() -> None:
    """The body of its last batch is the end."""
    harness = Harness()
    for number, _ in enumerate(harness.open()):
        harness.step()
        if number == 1:
            break
    check(harness.timings, wall=START + 2 * (WAIT + STEP) + END, teardown=END, steps=[STEP] * 2)


def test_a_loop_that_looks_one_batch_ahead() -> None:
    """As Accelerate's does. The step on the last batch comes after the end of the data, and counts."""
    harness = Harness()

    def look_ahead():
        epoch = harness.open()
        batch = next(epoch)
        while True:
            try:
                following = next(epoch)
            except StopIteration:
                yield batch
                return
            yield batch
            batch = following

    for _ in look_ahead():
        harness.step()
    wall = START + BATCHES * (WAIT + STEP) + WAIT + END
    check(harness.timings, wall=wall, teardown=WAIT + END, steps=[0, STEP, 2 * STEP])


@pytest.mark.parametrize("batches", [BATCHES, 2])
def test_a_loop_that_keeps_its_iterator(batches) -> None:
    """As Lightning's does, which asks for no batch more. What comes after the last step isn't counted."""
    harness = Harness()
    epoch = harness.open()
    for _ in range(batches):
        next(epoch)
        harness.step()
    harness.clock.now += TAIL
    timings = epoch.close(gone=False, stepped_ns=harness.stepped)
    check(timings, wall=START + batches * (WAIT + STEP), teardown=0, steps=[STEP] * batches)
    del epoch
    assert harness.timings is None


def test_an_exhausted_iterator_that_is_kept() -> None:
    """As that of `iter()` and `next()` by hand. What comes after the end of the data isn't counted."""
    harness = Harness()
    epoch = harness.open()
    while next(epoch, None) is not None:
        harness.step()
    harness.clock.now += TAIL
    timings = epoch.close(gone=False, stepped_ns=harness.stepped)
    check(timings, wall=START + BATCHES * (WAIT + STEP) + WAIT, teardown=WAIT, steps=[STEP] * BATCHES)


def test_a_loop_without_an_optimizer() -> None:
    """Its last body ends when the iterator is closed, as nothing tells of an earlier end."""
    harness = Harness()
    for _ in harness.open():
        harness.clock.now += STEP
    wall = START + BATCHES * (WAIT + STEP) + WAIT + END
    check(harness.timings, wall=wall, teardown=WAIT + END, steps=[STEP] * BATCHES)


def test_an_empty_epoch() -> None:
    """It has no batch and no form."""
    harness = Harness()
    epoch = ScriptEpoch(
        lambda: Inner(harness.clock, batches=0), harness.close, synchronize=lambda: None, clock=harness.clock
    )
    assert list(epoch) == []
    del epoch
    assert (harness.timings.batches, harness.timings.samples, harness.timings.dtype) == (0, 0, "")


def test_the_wait_for_a_device() -> None:
    """It is a part of its own, at both ends."""
    harness = Harness()
    waits = []

    def wait() -> None:
        waits.append(harness.clock.now)
        harness.clock.now += 50

    for _ in ScriptEpoch(lambda: Inner(harness.clock), harness.close, synchronize=wait, clock=harness.clock):
        harness.step()
    assert len(waits) == 2
    assert harness.timings.drain_ns == 50
    assert harness.timings.wall_ns == START + BATCHES * (WAIT + STEP) + WAIT + 50 + END


def test_the_iterator_is_that_of_the_loader() -> None:
    """Whatever else a loop asks it for."""
    harness = Harness()
    epoch = harness.open()
    assert epoch.left == BATCHES
    assert iter(epoch) is epoch
