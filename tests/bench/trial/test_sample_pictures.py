"""Samples of batches as pictures."""

from __future__ import annotations

import io
from dataclasses import dataclass

import numpy as np
import pytest
import torch
from PIL import Image

from bench.records.delivered_pictures import DeliveredPictures
from bench.trial.sample_pictures import MOST_PICTURES, MOST_PIXELS, PictureKeeper, draw_samples


def read(delivered: DeliveredPictures, place: int = 0) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(delivered.pictures[place].png)))


def test_grey_pictures_are_drawn_as_they_are() -> None:
    """Values from 0 to 1, with the label of each sample."""
    images = torch.linspace(0, 1, 20 * 8 * 8).reshape(20, 1, 8, 8)
    drawn = draw_samples((images, torch.arange(20)))
    assert [one.label for one in drawn.pictures] == [str(n) for n in range(MOST_PICTURES)]
    assert (drawn.shape, drawn.dtype, drawn.low, drawn.high) == ("1x8x8", "float32", 0.0, 1.0)
    assert np.array_equal(read(drawn, 3), (images[3, 0] * 255).round().byte().numpy())


def test_normalised_colours_are_scaled() -> None:
    """Black and white are the smallest and the largest value, which the page tells."""
    images = torch.linspace(-2, 3, 2 * 3 * 8 * 8).reshape(2, 3, 8, 8).to(torch.bfloat16)
    drawn = draw_samples({"pixels": images, "mask": torch.ones(2, 8)})
    assert (drawn.low, drawn.high) == (-2.0, 3.0)
    assert [one.label for one in drawn.pictures] == ["", ""]
    assert read(drawn).shape == (8, 8, 3)
    assert (read(drawn, 0).min(), read(drawn, 1).max()) == (0, 255)


def test_bytes_with_the_channels_last_keep_their_values() -> None:
    """As numpy arrays of a collate function may be."""
    images = np.full((1, 10, 12, 3), 77, np.uint8)
    drawn = draw_samples([images])
    assert drawn.shape == "3x10x12"
    assert (read(drawn) == 77).all()


def test_large_pictures_are_made_smaller() -> None:
    """A page stays small; the shape is that of the sample."""
    drawn = draw_samples(torch.rand(1, 3, 300, 200))
    assert drawn.shape == "3x300x200"
    assert max(read(drawn).shape[:2]) == MOST_PIXELS


@pytest.mark.parametrize(
    "batch",
    [
        torch.zeros(4, 128, dtype=torch.long),
        torch.zeros(4, 20, 64),
        torch.zeros(4, 1, 2, 2),
        torch.zeros(4, 1, 8, 800),
        torch.zeros(0, 1, 28, 28),
        torch.zeros(4, 16, 28, 28),
        {"texts": ["a", "b"]},
        torch.zeros(4, 4).to_sparse(),
        None,
    ],
)
def test_other_samples_are_no_pictures(batch) -> None:
    """Tokens, embeddings, signals, feature maps, and pictures that are too small to see."""
    assert draw_samples(batch) is None


def test_a_batch_that_can_not_be_read_costs_nothing() -> None:
    """A user's batch may be anything."""

    class Broken(dict):
        def values(self):
            raise RuntimeError("no")

    assert draw_samples(Broken()) is None
    drawn = draw_samples(torch.full((1, 1, 8, 8), float("nan")))
    assert drawn is None or len(drawn.pictures) == 1


@dataclass(frozen=True)
class Observation:
    """An observation of an epoch with a place for pictures."""

    batches: int
    pictures: DeliveredPictures | None = None


def test_a_keeper_takes_the_first_batch_once() -> None:
    """Later batches, and buffers that are written again, change nothing."""
    keeper, images = PictureKeeper(), torch.ones(2, 1, 8, 8)
    keeper((images, torch.tensor([5, 6])))
    images.zero_()
    keeper((images, torch.tensor([7, 8])))
    first = keeper.attach_to(Observation(2))
    assert [one.label for one in first.pictures.pictures] == ["5", "6"]
    assert (read(first.pictures) == 255).all()
    assert keeper.attach_to(Observation(2)).pictures is None


def test_an_observation_without_a_place_stays_as_it_is() -> None:
    """Such as that of another workload."""

    @dataclass(frozen=True)
    class Plain:
        batches: int

    for observation in (Plain(1), ["an order"]):
        keeper = PictureKeeper()
        keeper(torch.ones(2, 1, 8, 8))
        assert keeper.attach_to(observation) == observation
