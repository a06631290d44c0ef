"""The batches that an inspector sees of an epoch within its budget, under a fake clock."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from bench.trial.batch_inspector import BUDGET, BatchInspector
from bench.trial.epoch_observation import EpochObservation
from bench.trial.pixel_grid import PixelGrid

GRID = PixelGrid.draw(28, 28, seed=0)
SHAPE = (1, 28, 28)


class TickingClock:
    """Moves on by so many nanoseconds each time it is read."""

    def __init__(self, tick_ns: int) -> None:
        self.now, self.tick_ns = 0, tick_ns

    def __call__(self) -> int:
        self.now += self.tick_ns
        return self.now


def make_batch(samples: int = 10) -> tuple[torch.Tensor, torch.Tensor]:
    return torch.rand(samples, *SHAPE), torch.arange(samples)


def test_everything_is_seen_where_there_is_time() -> None:
    """The grid's pixels, labels, means and range of each batch, as copies."""
    inspector = BatchInspector(GRID, SHAPE, 20, budget=math.inf)
    images, labels = make_batch()
    kept = images.clone()
    inspector((images, labels), 1)
    images.zero_()
    labels.zero_()
    observation = inspector.observe(batches=1, samples=10)
    assert observation.seen_share == 1
    assert observation.sizes == (10,)
    assert np.array_equal(observation.pixels, kept[:, 0, GRID.rows, GRID.columns].numpy())
    assert observation.labels.tolist() == list(range(10))
    assert observation.means == pytest.approx(kept.flatten(1).mean(1).numpy())
    assert (observation.low, observation.high) == (0, pytest.approx(kept.max().item()))


def show(inspector: BatchInspector, batches: int, batch_ns: int) -> tuple[EpochObservation, int]:
    """Show it an epoch of so many batches of so long, and count the calls."""
    inspect_at = calls = 0
    for number in range(1, batches + 1):
        if number * batch_ns >= inspect_at:
            inspect_at = inspector(make_batch(), number * batch_ns)
            calls += 1
    return inspector.observe(batches, 10 * batches), calls


def make_inspector(tick_ns: int = 1_000) -> BatchInspector:
    """Return an inspector whose inspections take three ticks, or four with whole pictures."""
    return BatchInspector(GRID, SHAPE, 10_000, clock=TickingClock(tick_ns))


def test_all_of_a_slow_epoch_is_seen() -> None:
    """An inspection takes 2 µs here: batches of 2 ms pay for all of them with 0.1%."""
    observation, calls = show(make_inspector(), 100, batch_ns=2_000_000)
    assert observation.seen_share == 1
    assert calls == 100


@pytest.mark.parametrize("batch_ns", [100_000, 10_000])
def test_a_fast_epoch_is_inspected_within_the_budget(batch_ns) -> None:
    """A few batches, spread over the epoch; between them it isn't called."""
    inspector = make_inspector()
    observation, calls = show(inspector, 10_000, batch_ns)
    affordable = BUDGET * 10_000 * batch_ns / 2_000
    assert 0.8 * affordable < len(observation.sizes) <= affordable
    assert inspector.spent_ns <= BUDGET * 10_000 * batch_ns
    assert calls == len(observation.sizes)


def test_the_first_batch_is_always_seen() -> None:
    """However fast the loader is: another form shows in it."""
    observation, calls = show(make_inspector(), 10, batch_ns=10)
    assert (observation.sizes, calls) == ((10,), 1)


def test_an_interrupted_inspection_costs_little_of_the_budget() -> None:
    """One that takes a thousand times as long counts as eight of the others."""
    clock = TickingClock(1_000)
    inspector = BatchInspector(GRID, SHAPE, 10_000, clock=clock)
    for number in range(10):
        clock.tick_ns = 1_000_000 if number == 9 else 1_000
        inspector(make_batch(), 1)
    assert inspector.spent_ns < 9 * 2_000 + 8 * 2_100


def test_all_batches_come_before_whole_pictures() -> None:
    """Whole pictures get what half of the budget pays for."""
    inspector = make_inspector()
    observation, _ = show(inspector, 100, batch_ns=2_400_000)
    assert observation.seen_share == 1
    assert 0 < (~np.isnan(observation.means)).sum() < 1000
    assert inspector.spent_ns <= BUDGET * 100 * 2_400_000


@pytest.mark.parametrize(
    ("images", "labels", "says"),
    [
        (torch.zeros(4, 1, 28, 28, dtype=torch.float64), torch.zeros(4).long(), "dtype float64 instead of"),
        (torch.zeros(4, 28, 28), torch.zeros(4).long(), "shape 28x28 instead of 1x28x28"),
        (torch.zeros(4, 1, 28, 28), torch.zeros(4), "labels of dtype float32 instead of int64"),
        (torch.zeros(4, 1, 28, 28), torch.zeros(3).long(), "labels of shape 3 beside 4 pictures"),
        (torch.zeros(4, 1, 28, 28).bfloat16(), torch.zeros(4).long(), "can't be read, of torch.bfloat16"),
    ],
)
def test_another_form_is_put_into_words(images, labels, says) -> None:
    """The first batch that is no float32 (B, 1, H, W) with its int64 (B,)."""
    inspector = BatchInspector(GRID, SHAPE, 20, budget=math.inf)
    inspector(make_batch(), 1)
    inspector((images, labels), 1)
    assert says in inspector.observe(2, 14).format_error


def test_batches_on_another_device_go_by_unseen() -> None:
    """Looking at them would make the host wait for the device; so nothing more is shown."""
    inspector = BatchInspector(GRID, SHAPE, 20, budget=math.inf)
    wanted = inspector((torch.zeros(4, *SHAPE, device="meta"), torch.zeros(4, device="meta")), 1)
    assert wanted > 10 * 365 * 86400 * 10**9
    assert inspector.observe(1, 4).seen_share == 0


@pytest.mark.parametrize("side", [1, 2, 5, 8, 28, 64, 224])
def test_a_grid_fits_every_picture(side) -> None:
    """32 pixels, or all there are of a row or column; other seeds take other places."""
    grids = [PixelGrid.draw(side, side, seed) for seed in range(20)]
    for grid in grids:
        picture = np.zeros((side, side))[grid.rows, grid.columns]
        assert picture.shape == (min(4, side), min(8, side))
    assert side < 8 or len({(grid.rows.start, grid.columns.start) for grid in grids}) > 1


def test_an_empty_batch_is_no_trouble() -> None:
    """There is nothing in it to be wrong."""
    inspector = BatchInspector(GRID, SHAPE, 20, budget=math.inf)
    inspector(make_batch(0), 1)
    inspector(make_batch(), 1)
    assert inspector.observe(batches=2, samples=10).sizes == (0, 10)


def test_more_than_there_is_goes_by_unseen() -> None:
    """The number of samples tells it; the room for them is as large as the dataset."""
    inspector = BatchInspector(GRID, SHAPE, 20, budget=math.inf)
    for _ in range(3):
        wanted = inspector(make_batch(), 1)
    assert wanted > 10 * 365 * 86400 * 10**9
    observation = inspector.observe(batches=3, samples=30)
    assert observation.sizes == (10, 10)
    assert observation.seen_share == pytest.approx(2 / 3)


def test_an_empty_epoch_was_seen_in_full() -> None:
    """There was nothing to see."""
    assert BatchInspector(GRID, SHAPE, 20).observe(batches=0, samples=0).seen_share == 1
