"""What a witness sees of an epoch, and what it leaves alone to stay cheap: under a fake clock."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from bench.trial.batch_inspector import BUDGET, DEBT, SPOT_CHECK, BatchInspector
from bench.trial.epoch_observation import EpochObservation
from bench.trial.pixel_grid import PixelGrid

GRID = PixelGrid.drawn(28, 28, seed=0)
SHAPE = (1, 28, 28)


class TickingClock:
    """Moves on by so many nanoseconds each time it is read."""

    def __init__(self, tick_ns: int) -> None:
        self.now, self.tick_ns = 0, tick_ns

    def __call__(self) -> int:
        self.now += self.tick_ns
        return self.now


def batch(samples: int = 10) -> tuple[torch.Tensor, torch.Tensor]:
    return torch.rand(samples, *SHAPE), torch.arange(samples)


def test_everything_is_seen_where_there_is_time() -> None:
    """The grid's pixels, labels, means and range of each batch, as copies."""
    witness = BatchInspector(GRID, SHAPE, 20, budget=math.inf)
    images, labels = batch()
    kept = images.clone()
    witness(images, labels, 1)
    images.zero_()
    labels.zero_()
    record = witness.record(batches=1, samples=10)
    assert record.seen_share == 1
    assert record.sizes == (10,)
    assert np.array_equal(record.pixels, kept[:, 0, GRID.rows, GRID.columns].numpy())
    assert record.labels.tolist() == list(range(10))
    assert record.means == pytest.approx(kept.flatten(1).mean(1).numpy())
    assert (record.low, record.high) == (0, pytest.approx(kept.max().item()))


def shown(
    witness: BatchInspector, batches: int, batch_ns: int, *, busy: float = 1.0
) -> tuple[EpochObservation, int]:
    """Show it an epoch of so many batches of so long, as a measurement does; how often it was called.

    busy: the share of the time in which this thread works.
    """
    look_at = calls = 0
    for number in range(1, batches + 1):
        witness._clock.now += round(busy * batch_ns)
        if number * batch_ns >= look_at:
            look_at = witness(*batch(), number * batch_ns)
            calls += 1
    return witness.record(batches, 10 * batches), calls


def test_all_of_a_slow_epoch_is_seen() -> None:
    """A look takes 2 µs here: batches of 300 µs pay for all of them with 0.9%."""
    record, calls = shown(
        BatchInspector(GRID, SHAPE, 10_000, clock=TickingClock(1_000)), 100, batch_ns=300_000
    )
    assert record.seen_share == 1
    assert calls == 100


def test_a_fast_epoch_is_only_checked_in_spots() -> None:
    """Batches of 100 µs don't: then 0.2% must do, and between its looks it needn't be called."""
    witness = BatchInspector(GRID, SHAPE, 10_000, clock=TickingClock(1_000))
    record, calls = shown(witness, 1000, batch_ns=100_000)
    assert 50 < len(record.sizes) < 150
    assert witness.spent_ns <= (SPOT_CHECK + DEBT) * 1000 * 100_000 + 3_000
    assert calls <= len(record.sizes) + 2


def test_what_waits_for_workers_has_time_to_be_seen() -> None:
    """Such batches from somebody else, waited for half of the time: 4% of that pays for all looks."""
    witness = BatchInspector(GRID, SHAPE, 10_000, background=True, clock=TickingClock(1_000))
    record, _ = shown(witness, 1000, batch_ns=150_000, busy=0.5)
    assert record.seen_share == 1


def test_what_waits_for_itself_has_none() -> None:
    """A loader that sleeps in the loop's own thread is lengthened by each look."""
    witness = BatchInspector(GRID, SHAPE, 10_000, clock=TickingClock(1_000))
    record, _ = shown(witness, 1000, batch_ns=150_000, busy=0.5)
    assert record.seen_share < 1
    assert witness.spent_ns <= 0.01 * 1000 * 150_000


def test_all_batches_come_before_whole_pictures() -> None:
    """Whole pictures get what half of the budget pays for."""
    witness = BatchInspector(GRID, SHAPE, 10_000, clock=TickingClock(1_000))
    record, _ = shown(witness, 100, batch_ns=500_000)
    assert record.seen_share == 1
    assert 0 < (~np.isnan(record.means)).sum() < 1000
    assert witness.spent_ns <= BUDGET * 100 * 500_000


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
    witness = BatchInspector(GRID, SHAPE, 20, budget=math.inf)
    witness(*batch(), 1)
    witness(images, labels, 1)
    assert says in witness.record(2, 14).odd


def test_batches_on_another_device_go_by_unseen() -> None:
    """Looking at them would make the host wait for the device; so nothing more is shown."""
    witness = BatchInspector(GRID, SHAPE, 20, budget=math.inf)
    wanted = witness(torch.zeros(4, *SHAPE, device="meta"), torch.zeros(4, device="meta"), 1)
    assert wanted > 10 * 365 * 86400 * 10**9
    assert witness.record(1, 4).seen_share == 0


@pytest.mark.parametrize("side", [1, 2, 5, 8, 28, 64, 224])
def test_a_grid_fits_every_picture(side) -> None:
    """32 pixels, or all there are of a row or column; other seeds take other places."""
    grids = [PixelGrid.drawn(side, side, seed) for seed in range(20)]
    for grid in grids:
        picture = np.zeros((side, side))[grid.rows, grid.columns]
        assert picture.shape == (min(4, side), min(8, side))
    assert side < 8 or len({(grid.rows.start, grid.columns.start) for grid in grids}) > 1


def test_an_empty_batch_is_no_trouble() -> None:
    """There is nothing in it to be wrong."""
    witness = BatchInspector(GRID, SHAPE, 20, budget=math.inf)
    witness(*batch(0), 1)
    witness(*batch(), 1)
    assert witness.record(batches=2, samples=10).sizes == (0, 10)


def test_more_than_there_is_goes_by_unseen() -> None:
    """The number of samples tells it; the room for them is as large as the dataset."""
    witness = BatchInspector(GRID, SHAPE, 20, budget=math.inf)
    for _ in range(3):
        wanted = witness(*batch(), 1)
    assert wanted > 10 * 365 * 86400 * 10**9
    record = witness.record(batches=3, samples=30)
    assert record.sizes == (10, 10)
    assert record.seen_share == pytest.approx(2 / 3)


def test_an_empty_epoch_was_seen_in_full() -> None:
    """There was nothing to see."""
    assert BatchInspector(GRID, SHAPE, 20).record(batches=0, samples=0).seen_share == 1
