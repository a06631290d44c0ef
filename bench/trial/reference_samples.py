"""ReferenceSamples: what an epoch over an image split should deliver."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn.functional import interpolate

from bench.trial.pixel_grid import PixelGrid
from loaders.data.image_split import ImageSplit

if TYPE_CHECKING:
    from scipy.spatial import cKDTree


Levels = NDArray[np.float32]
Codes = NDArray[np.uint64]
Indices = NDArray[np.int64]
# Pixels that are worked on at a time, in float32.
CHUNK = 2**22


class ReferenceSamples:
    """What an epoch over `source` should deliver, sample by sample, in levels of 8 bits.

    resize: the side that pictures are resized to, bilinear and antialiased; None where they are not.
    """

    def __init__(self, source: ImageSplit, grid: PixelGrid, resize: int | None) -> None:
        self._images = source.images
        self._grid = grid
        self.resize = resize
        self.labels: Indices = source.labels.numpy()

    @cached_property
    def codes(self) -> Codes:
        """A number for each sample, by the grid's pixels (N,)."""
        return encode_levels(self._pixels())

    @cached_property
    def in_order(self) -> tuple[Codes, Indices]:
        """The samples' codes together with their labels (N,), sorted, and whose each is (N,)."""
        codes = add_label(self.codes, self.labels)
        order = np.argsort(codes, kind="stable")
        return codes[order], order

    @cached_property
    def tree(self) -> cKDTree:
        """The samples by the grid's pixels, to look for the nearest."""
        # Late: only resized pictures need it.
        from scipy.spatial import cKDTree

        return cKDTree(np.concatenate(list(self._pixels())))

    @cached_property
    def means(self) -> Levels:
        """The mean of each picture's pixels (N,)."""
        weights = [torch.full((length,), 1 / length) for length in self._images.shape[1:]]
        if self.resize is not None:
            weights = [resize_matrix(length, self.resize).mean(0) for length in self._images.shape[1:]]
        pixels = torch.outer(*weights).flatten()
        # Room for all at once: small results piece by piece would lie between the chunks' room, which then
        # could not be used again: for millions of samples that took gigabytes, and most of the time.
        means = torch.empty(len(self._images))
        for chunk, of_chunk in zip(self._chunks(), torch.split(means, self._chunk), strict=True):
            torch.mv(chunk.flatten(1).to(torch.float32), pixels, out=of_chunk)
        return np.asarray(means, np.float32)

    @cached_property
    def unmistakable(self) -> NDArray[np.bool_]:
        """Which samples the grid tells from all others (N,)."""
        _, alike, times = np.unique(self.codes, return_inverse=True, return_counts=True)
        return np.asarray(times[alike] == 1, np.bool_)

    def _pixels(self) -> Iterator[Levels]:
        """The grid's pixels (n, P), some thousand samples at a time."""
        rows, columns = self._grid.rows, self._grid.columns
        if self.resize is None:
            for chunk in self._chunks():
                yield chunk[:, rows, columns].flatten(1).to(torch.float32).numpy()
            return
        # A bilinear resize is linear and separable: a matrix for each direction.
        down, across = (resize_matrix(length, self.resize) for length in self._images.shape[1:])
        for chunk in self._chunks():
            yield (down[rows] @ chunk.to(torch.float32) @ across[columns].T).flatten(1).numpy()

    def _chunks(self) -> tuple[torch.Tensor, ...]:
        return torch.split(self._images, self._chunk)

    @property
    def _chunk(self) -> int:
        """How many samples are worked on at a time."""
        height, width = self._images.shape[1:]
        return max(1, CHUNK // (height * width))


def resize_matrix(length: int, resize: int) -> torch.Tensor:
    """The weights (resize, length) of a bilinear, antialiased resize in one direction."""
    unit = torch.eye(length)[None, None]
    return interpolate(unit, (resize, length), mode="bilinear", antialias=True)[0, 0]


def encode_levels(chunks: Iterable[Levels]) -> Codes:
    """A number for each line of levels, rounded: the same for the same levels, and for no others.

    The levels times odd random 64-bit numbers, summed modulo 2^64. Among a million different lines, the odds
    that any two get the same number are some one in ten million.
    """
    codes = [np.empty(0, np.uint64)]
    for levels in chunks:
        factors = np.random.default_rng(0).integers(2**63, size=levels.shape[1], dtype=np.uint64)
        odd = factors * np.uint64(2) + np.uint64(1)
        codes.append((np.rint(levels).astype(np.uint64) * odd).sum(axis=1, dtype=np.uint64))
    return np.concatenate(codes)


def add_label(codes: Codes, labels: Indices) -> Codes:
    return np.asarray(codes + labels.astype(np.uint64) * np.uint64(0x9E3779B97F4A7C15), np.uint64)
