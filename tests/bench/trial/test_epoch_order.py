"""Tests of the order of an epoch: when two epochs have the same one, and when nobody can say."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
import torch

from bench.trial import epoch_order
from bench.trial.epoch_order import EpochOrder
from bench.trial.pixel_grid import PixelGrid
from bench.trial.reference_samples import ReferenceSamples
from loaders.data.image_split import ImageSplit


def make_reference(levels: torch.Tensor) -> ReferenceSamples:
    """Samples whose pictures are of one grey each, which is all that tells them apart."""
    images = torch.zeros((len(levels), 8, 8), dtype=torch.uint8)
    images[:, :4] = (levels // 256).to(torch.uint8)[:, None, None]
    images[:, 4:] = (levels % 256).to(torch.uint8)[:, None, None]
    labels = torch.zeros(len(levels), dtype=torch.int64)
    return ReferenceSamples(
        ImageSplit("greys", "0" * 64, images, labels, ("a",)), PixelGrid.draw(8, 8, 0), None
    )


def read_order(reference: ReferenceSamples, numbers: np.ndarray) -> EpochOrder:
    return EpochOrder.read(reference.codes[numbers], reference.labels[numbers], reference)


def shuffle(samples: int, seed: int) -> np.ndarray:
    return np.random.default_rng(seed).permutation(samples)


DISTINCT = make_reference(torch.arange(1000))


def test_the_same_order_is_found() -> None:
    order = read_order(DISTINCT, shuffle(1000, 0))
    assert order.find_repeat(read_order(DISTINCT, shuffle(1000, 0))) == 1.0


def test_the_stored_order_is_an_order() -> None:
    order = read_order(DISTINCT, np.arange(1000))
    assert order.find_repeat(order) == 1.0


def test_true_shuffles_differ() -> None:
    orders = [read_order(DISTINCT, shuffle(1000, seed)) for seed in range(50)]
    assert [before.find_repeat(after) for before, after in pairwise(orders)] == [None] * 49


def test_a_few_exchanged_samples_make_no_other_order() -> None:
    numbers = shuffle(1000, 0)
    exchanged = numbers.copy()
    exchanged[[3, 500]] = numbers[[500, 3]]
    assert read_order(DISTINCT, numbers).find_repeat(read_order(DISTINCT, exchanged)) == 0.998


def test_a_shuffle_of_neighbours_is_another_order() -> None:
    """A weak shuffle shows in the shuffle quality, and is no repeat."""
    swapped = np.arange(1000).reshape(-1, 2)[:, ::-1].ravel()
    assert read_order(DISTINCT, np.arange(1000)).find_repeat(read_order(DISTINCT, swapped)) is None


@pytest.mark.parametrize(("samples", "found"), [(0, None), (1, None), (9, None), (10, 1.0), (11, 1.0)])
def test_small_sets_repeat_by_chance(samples, found) -> None:
    """9 samples have 362,880 orders, and 10 have 3,628,800: one in a million lies between."""
    order = read_order(make_reference(torch.arange(samples)), np.arange(samples))
    assert order.find_repeat(order) == found


@pytest.mark.parametrize(("greys", "found"), [(1, None), (2, 1.0), (500, 1.0)])
def test_look_alikes_repeat_by_chance(greys, found) -> None:
    """All orders are the same if all 1,000 samples look the same. With two greys, that is no chance."""
    reference = make_reference(torch.arange(1000) % greys)
    order = read_order(reference, shuffle(1000, 0))
    assert order.find_repeat(order) == found


def test_look_alikes_in_another_order_are_another_order() -> None:
    reference = make_reference(torch.arange(1000) % 2)
    assert (
        read_order(reference, shuffle(1000, 0)).find_repeat(read_order(reference, shuffle(1000, 1))) is None
    )


def test_long_epochs_are_compared_at_some_places(monkeypatch) -> None:
    monkeypatch.setattr(epoch_order, "MOST_PLACES", 300)
    first, other = (read_order(DISTINCT, shuffle(1000, seed)) for seed in (0, 1))
    assert len(first.codes) == 250
    assert first.find_repeat(first) == 1.0
    assert first.find_repeat(other) is None
