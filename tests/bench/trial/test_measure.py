"""One epoch under a fake clock: every reading is exact."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import torch

from bench.trial.measure import measure_epoch
from loaders.device.pipeline import Pipeline


class FakeClock:
    """Stands still unless it is told to move."""

    def __init__(self) -> None:
        self.now = 1_000

    def __call__(self) -> int:
        return self.now

    def pass_ns(self, ns: int) -> None:
        self.now += ns


class FakeLoader:
    """A loader whose start, batches and end take known times."""

    def __init__(self, clock: FakeClock, *, start: int, waits: list[int], end: int, sizes: list[int]) -> None:
        self.clock, self.start, self.waits, self.end, self.sizes = clock, start, waits, end, sizes

    def __iter__(self) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
        self.clock.pass_ns(self.start)
        return self.batches()

    def batches(self) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
        try:
            for wait, size in zip(self.waits, self.sizes, strict=True):
                self.clock.pass_ns(wait)
                yield torch.zeros(size, 1, 4, 6), torch.zeros(size, dtype=torch.int64)
        finally:
            self.clock.pass_ns(self.end)


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


def test_every_part_is_timed_apart(clock) -> None:
    """Start-up, first batch, waits, steps and teardown each hold what was spent there, and add up."""
    loader = FakeLoader(clock, start=70, waits=[500, 20, 30], end=9, sizes=[4, 4, 2])
    timings = measure_epoch(Pipeline(loader), lambda batch: clock.pass_ns(100), clock=clock)
    assert timings.startup_ns == 70
    assert timings.time_to_first_batch_ns == 570
    assert list(timings.data_wait_ns) == [500, 20, 30]
    assert list(timings.step_ns) == [100, 100, 100]
    assert list(timings.transfer_ns) == [0, 0, 0]
    assert list(timings.asked_ns) == [70, 670, 790]
    assert timings.teardown_ns == 9
    assert timings.wall_ns == 70 + 550 + 300 + 9
    assert (timings.start_ns, timings.end_ns) == (1_000, 1_929)


def test_what_was_delivered_is_counted(clock) -> None:
    """Samples and the form of the batches come from the batches themselves."""
    loader = FakeLoader(clock, start=0, waits=[1, 1], end=0, sizes=[4, 3])
    timings = measure_epoch(Pipeline(loader), lambda batch: None, clock=clock)
    assert timings.samples == 7
    assert timings.sample_shape == (1, 4, 6)
    assert timings.dtype == "float32"


def test_workers_that_end_with_the_iterator_count_as_teardown(clock) -> None:
    """Work at the loss of the last reference is inside the clock."""

    class Ending:
        def __init__(self) -> None:
            self.left = 1

        def __iter__(self) -> Ending:
            return Ending()

        def __next__(self) -> tuple[torch.Tensor, torch.Tensor]:
            if not self.left:
                raise StopIteration
            self.left -= 1
            return torch.zeros(1, 1, 2, 2), torch.zeros(1, dtype=torch.int64)

        def __del__(self) -> None:
            clock.pass_ns(40)

    loader = Ending()
    timings = measure_epoch(Pipeline(loader), lambda batch: None, clock=clock)
    assert timings.teardown_ns == 40
    assert timings.wall_ns == 40


def test_transfer_is_timed_and_its_batch_is_used(clock) -> None:
    """The step gets what the transfer made, and the transfer's time is its own."""
    seen = []

    def transfer(batch: tuple[torch.Tensor, torch.Tensor]) -> tuple[torch.Tensor, torch.Tensor]:
        clock.pass_ns(13)
        return batch[0] + 1, batch[1]

    loader = FakeLoader(clock, start=0, waits=[5], end=0, sizes=[2])
    timings = measure_epoch(
        Pipeline(loader, transfer), lambda batch: seen.append(batch[0].max().item()), clock=clock
    )
    assert list(timings.transfer_ns) == [13]
    assert list(timings.step_ns) == [0]
    assert seen == [1]


def test_the_device_is_waited_for_at_both_ends_only(clock) -> None:
    """Two synchronisations an epoch, the first before the clock starts, the second's time kept apart."""
    events: list[str] = []

    def synchronize() -> None:
        events.append("sync")
        clock.pass_ns(1_000)

    loader = FakeLoader(clock, start=0, waits=[1, 1, 1], end=5, sizes=[1, 1, 1])
    timings = measure_epoch(
        Pipeline(loader), lambda batch: events.append("step"), synchronize=synchronize, clock=clock
    )
    assert events == ["sync", "step", "step", "step", "sync"]
    assert timings.drain_ns == 1_000
    assert timings.teardown_ns == 5
    assert timings.wall_ns == 3 + 1_000 + 5


def test_an_empty_loader_has_no_first_batch(clock) -> None:
    """Nothing delivered is not a batch after 0 s."""
    timings = measure_epoch(
        Pipeline(FakeLoader(clock, start=3, waits=[], end=0, sizes=[])), lambda batch: None, clock=clock
    )
    assert timings.time_to_first_batch_ns is None
    assert timings.samples == 0


def test_an_exception_of_the_loader_comes_through(clock) -> None:
    """A loader that fails is not an epoch that ended."""

    class Failing:
        def __iter__(self) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
            raise OSError("gone")

    with pytest.raises(OSError, match="gone"):
        measure_epoch(Pipeline(Failing()), lambda batch: None, clock=clock)


def test_an_inspector_gets_a_batch_after_its_step(clock) -> None:
    """As it was delivered, not as it was moved, and not before it wants to see another one.

    Its inspections are in the wall and in no part of it.
    """
    loader = FakeLoader(clock, start=70, waits=[500, 20, 20], end=9, sizes=[4, 2, 2])
    seen = []

    def inspect(batch, elapsed_ns: int) -> int:
        images, labels = batch
        seen.append((len(images), images.dtype, len(labels), elapsed_ns))
        clock.pass_ns(3)
        return elapsed_ns + 123 if len(seen) == 1 else elapsed_ns + 10_000

    timings = measure_epoch(
        Pipeline(loader, lambda batch: (batch[0].double(), batch[1])),
        lambda batch: clock.pass_ns(100),
        inspector=inspect,
        clock=clock,
    )
    assert seen == [(4, torch.float32, 4, 670), (2, torch.float32, 2, 793)]
    assert list(timings.data_wait_ns) == [500, 20, 20]
    assert timings.teardown_ns == 9
    assert timings.wall_ns == 70 + 540 + 300 + 9 + 2 * 3
