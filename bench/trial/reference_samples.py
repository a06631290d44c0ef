"""ReferenceSamples: the samples that an epoch over an image split must deliver."""

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
    """The samples that an epoch over a split must deliver, in levels of 8 bits.

    Attributes:
        resize: side in pixels that pictures are resized to, bilinear and antialiased; None for no resize.
        labels: label of each sample, int64 (N,).
    """

    def __init__(self, split: ImageSplit, grid: PixelGrid, resize: int | None) -> None:
        """Take the samples of a split.

        Args:
            split: pictures and labels.
            grid: the pixels by which samples are told apart.
            resize: side in pixels that pictures are resized to; None for no resize.
        """
        self._images = split.images
        self._grid = grid
        self.resize = resize
        self.labels: Indices = split.labels.numpy()

    @cached_property
    def codes(self) -> Codes:
        """The code of each sample's pixels on the grid, uint64 (N,)."""
        return encode_levels(self._pixels())

    @cached_property
    def in_order(self) -> tuple[Codes, Indices]:
        """The samples' codes with their labels, sorted, uint64 (N,), and the sample number of each (N,)."""
        codes = add_label(self.codes, self.labels)
        order = np.argsort(codes, kind="stable")
        return codes[order], order

    @cached_property
    def match_probability(self) -> float:
        """The probability that two samples drawn with replacement have the same pixels and label."""
        _, counts = np.unique(self.in_order[0], return_counts=True)
        return float(((counts / max(1, len(self.labels))) ** 2).sum())

    @cached_property
    def tree(self) -> cKDTree:
        """A k-d tree of the samples' pixels on the grid."""
        # Imported here because only resized pictures need it.
        from scipy.spatial import cKDTree

        return cKDTree(np.concatenate(list(self._pixels())))

    @cached_property
    def means(self) -> Levels:
        """The mean of each picture's pixels, float32 (N,)."""
        weights = [torch.full((length,), 1 / length) for length in self._images.shape[1:]]
        if self.resize is not None:
            weights = [resize_matrix(length, self.resize).mean(0) for length in self._images.shape[1:]]
        pixels = torch.outer(*weights).flatten()
        # One allocation: small results between the chunks would fragment memory, which took gigabytes and
        # most of the time for millions of samples.
        means = torch.empty(len(self._images))
        for chunk, result in zip(self._chunks(), torch.split(means, self._chunk), strict=True):
            torch.mv(chunk.flatten(1).to(torch.float32), pixels, out=result)
        return np.asarray(means, np.float32)

    @cached_property
    def unmistakable(self) -> NDArray[np.bool_]:
        """True for each sample that the grid tells from all others, bool (N,)."""
        _, inverse, counts = np.unique(self.codes, return_inverse=True, return_counts=True)
        return np.asarray(counts[inverse] == 1, np.bool_)

    def _pixels(self) -> Iterator[Levels]:
        """Yield the grid's pixels of some thousand samples at a time, float32 (n, P)."""
        rows, columns = self._grid.rows, self._grid.columns
        if self.resize is None:
            for chunk in self._chunks():
                yield chunk[:, rows, columns].flatten(1).to(torch.float32).numpy()
            return
        # A bilinear resize is linear and separable: one matrix for each direction.
        down, across = (resize_matrix(length, self.resize) for length in self._images.shape[1:])
        for chunk in self._chunks():
            yield (down[rows] @ chunk.to(torch.float32) @ across[columns].T).flatten(1).numpy()

    def _chunks(self) -> tuple[torch.Tensor, ...]:
        return torch.split(self._images, self._chunk)

    @property
    def _chunk(self) -> int:
        """The number of samples that are worked on at a time."""
        height, width = self._images.shape[1:]
        return max(1, CHUNK // (height * width))


def resize_matrix(length: int, resize: int) -> torch.Tensor:
    """Return the weights of a bilinear, antialiased resize in one direction, float32 (resize, length)."""
    unit = torch.eye(length)[None, None]
    return interpolate(unit, (resize, length), mode="bilinear", antialias=True)[0, 0]


def encode_levels(chunks: Iterable[Levels]) -> Codes:
    """Return one code for each line of levels, rounded to whole ones: equal lines have equal codes.

    The hash is multilinear, modulo 2^64, with random odd factors (Lemire and Kaser, Strongly universal string
    hashing is fast, 2014). The probability that any two of a million different lines collide is about one in
    ten million.

    Args:
        chunks: levels from 0 to 255, float32 (n, P) each.
    """
    codes = [np.empty(0, np.uint64)]
    for levels in chunks:
        factors = np.random.default_rng(0).integers(2**63, size=levels.shape[1], dtype=np.uint64)
        odd = factors * np.uint64(2) + np.uint64(1)
        codes.append((np.rint(levels).astype(np.uint64) * odd).sum(axis=1, dtype=np.uint64))
    return np.concatenate(codes)


def add_label(codes: Codes, labels: Indices) -> Codes:
    """Return codes of pixels and labels together, uint64 (n,)."""
    return np.asarray(codes + labels.astype(np.uint64) * np.uint64(0x9E3779B97F4A7C15), np.uint64)
