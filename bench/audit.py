"""Audit: were the batches of an epoch the dataset's samples, each exactly once, beside its own label?

Samples are known by their pixels alone, so no loader needs to take part, and none can talk its way out.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn.functional import interpolate

from bench.witness import Grid, Record
from loaders.source import Source

if TYPE_CHECKING:
    from scipy.spatial import cKDTree

Levels = NDArray[np.float32]
Codes = NDArray[np.uint64]
Indices = NDArray[np.int64]

# In levels of 8 bits. A picture as it is comes without rounding; a resize may round to whole levels twice,
# as PIL does (once a direction), which was never seen to add up to more than 1.0001.
EXACT, ROUNDED = 0.01, 1.05
# Of the mean of a picture's pixels: float32 rounds while it adds them up.
MEAN_EXACT = 0.02
# From this share of samples on that the grid can't tell apart, none is asked to be known by it.
TOO_ALIKE = 0.05
# Pixels that are worked on at a time, in float32.
CHUNK = 2**22


class AuditError(RuntimeError):
    """An epoch that isn't one: what its loader did with the samples instead, in one line."""


@dataclass(frozen=True)
class Finding:
    """What an epoch that stood its audit was like.

    mixing: the standard deviation of the sample numbers within a batch over that of a true shuffle, None
    where it can't be said. seen_share: the share of the batches that the record holds.
    """

    mixing: float | None
    seen_share: float


class Expected:
    """What an epoch over `source` should deliver, sample by sample, in levels of 8 bits.

    resize: the side that pictures are resized to, bilinear and antialiased; None where they are not.
    """

    def __init__(self, source: Source, grid: Grid, resize: int | None) -> None:
        self._images = source.images
        self._grid = grid
        self.resize = resize
        self.labels: Indices = source.labels.numpy()

    @cached_property
    def codes(self) -> Codes:
        """A number for each sample, by the grid's pixels (N,)."""
        return _codes(self._pixels())

    @cached_property
    def in_order(self) -> tuple[Codes, Indices]:
        """The samples' codes together with their labels (N,), sorted, and whose each is (N,)."""
        codes = _with_label(self.codes, self.labels)
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
            weights = [_resize_matrix(length, self.resize).mean(0) for length in self._images.shape[1:]]
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
        down, across = (_resize_matrix(length, self.resize) for length in self._images.shape[1:])
        for chunk in self._chunks():
            yield (down[rows] @ chunk.to(torch.float32) @ across[columns].T).flatten(1).numpy()

    def _chunks(self) -> tuple[torch.Tensor, ...]:
        return torch.split(self._images, self._chunk)

    @property
    def _chunk(self) -> int:
        """How many samples are worked on at a time."""
        height, width = self._images.shape[1:]
        return max(1, CHUNK // (height * width))


def audit(record: Record, expected: Expected) -> Finding:
    """Judge what a witness saw of an epoch; AuditError says what is wrong with it.

    A record that holds all batches must hold every sample exactly once; one that holds some, no sample more
    than once. As many samples as there are must have been delivered, seen or not.
    """
    _check_form(record)
    labels = record.labels
    if expected.resize is None:
        codes, near = _exact(record)
        matched = _match(codes, labels, expected)
    else:
        seen = _levels(record.pixels)
        codes, near = _nearest(seen, expected)
        matched = _match(codes, labels, expected)
        if near.all() and (matched < 0).any():
            if _too_alike(expected):
                _check_counts(record, expected)
                return Finding(None, record.seen_share)
            codes = _assigned(codes, seen, labels, expected)
            matched = _match(codes, labels, expected)
    complete = record.seen_share == 1.0
    count = len(expected.labels)
    if not near.all() or (matched < 0).any() or (complete and len(matched) != count):
        raise AuditError(f"audit: {_diagnosis(codes, near, matched, expected, complete=complete)}")
    if record.samples != count:
        off = f"{count - record.samples:,} missing" if record.samples < count else "some more than once"
        raise AuditError(f"audit: {record.samples:,} samples were delivered of {count:,}: {off}")
    numbers = np.where(expected.unmistakable[matched], matched, -1)
    _check_whole_pictures(record, numbers, expected)
    return Finding(_mixing(record, numbers, count), record.seen_share)


def _check_form(record: Record) -> None:
    if record.odd is not None:
        raise AuditError(f"audit: {record.odd}")
    low, high = record.low, record.high
    if record.pixels.size:
        # numpy's, since Python's own min and max pass over what is no number.
        low, high = float(np.minimum(low, record.pixels.min())), float(np.maximum(high, record.pixels.max()))
    if not (low >= -1e-6 and high <= 1 + 1e-6):
        raise AuditError(f"audit: pixel values from {low:.4g} to {high:.4g} instead of 0 to 1")


def _levels(pixels: Levels) -> Levels:
    """The grid's pixels (n, rows, columns) of each picture in a line (n, P), from 0 to 255."""
    count, rows, columns = pixels.shape
    return np.multiply(pixels.reshape(count, rows * columns), 255, dtype=np.float32)


def _resize_matrix(length: int, resize: int) -> torch.Tensor:
    """The weights (resize, length) of a bilinear, antialiased resize in one direction."""
    unit = torch.eye(length)[None, None]
    return interpolate(unit, (resize, length), mode="bilinear", antialias=True)[0, 0]


def _codes(chunks: Iterable[Levels]) -> Codes:
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


def _match(codes: Codes, labels: Indices, expected: Expected) -> Indices:
    """The number of the sample that each delivered one is: -1 for none, -2 for one that came before.

    Samples that look the same and have the same label stand for each other, each once.
    """
    seen, (own, own_order) = _with_label(codes, labels), expected.in_order
    order = np.argsort(seen, kind="stable")
    seen = seen[order]
    first = np.searchsorted(own, seen, "left")
    there_are = np.searchsorted(own, seen, "right") - first
    # Which of those that look alike it is, in the order they came.
    place = np.arange(len(seen)) - np.searchsorted(seen, seen, "left")
    fits = place < there_are
    found = np.where(there_are == 0, -1, -2)
    found[fits] = own_order[first[fits] + place[fits]]
    matched = np.empty(len(seen), np.int64)
    matched[order] = found
    return matched


def _with_label(codes: Codes, labels: Indices) -> Codes:
    return np.asarray(codes + labels.astype(np.uint64) * np.uint64(0x9E3779B97F4A7C15), np.uint64)


def _exact(record: Record) -> tuple[Codes, NDArray[np.bool_]]:
    """For each picture as it is, its code; False where its levels aren't whole.

    Some thousand at a time: the levels of six million would be gigabytes, and making room for them is most
    of the time.
    """
    count, rows, columns = record.pixels.shape
    codes, near = np.empty(count, np.uint64), np.empty(count, np.bool_)
    chunk = max(1, CHUNK // (rows * columns))
    for start in range(0, count, chunk):
        own = slice(start, start + chunk)
        seen = _levels(record.pixels[own])
        near[own] = (np.abs(seen - np.rint(seen)) <= EXACT).all(axis=1)
        codes[own] = _codes([seen])
    return codes, near


def _nearest(seen: Levels, expected: Expected) -> tuple[Codes, NDArray[np.bool_]]:
    """For each resized picture, which may be rounded, its nearest sample's code; False where none is near."""
    codes = _codes([seen])
    near = np.isin(codes, expected.codes)
    rest = np.flatnonzero(~near)
    if len(rest):
        distances, nearest = expected.tree.query(
            seen[rest], p=np.inf, distance_upper_bound=ROUNDED, workers=-1
        )
        found = np.isfinite(distances)
        codes[rest[found]] = expected.codes[nearest[found]]
        near[rest[found]] = True
    return codes, near


def _too_alike(expected: Expected) -> bool:
    """Whether the grid can't tell samples apart, as those resized to a few pixels."""
    from scipy.spatial import cKDTree

    # Samples that are the same stand for each other and trouble nobody.
    different = np.unique(expected.tree.data, axis=0)
    some = different[:: max(1, len(different) // 2000)]
    distances, _ = cKDTree(different).query(some, k=2, p=np.inf, distance_upper_bound=2 * ROUNDED)
    return bool(np.isfinite(distances[:, 1]).mean() > TOO_ALIKE)


def _assigned(codes: Codes, seen: Levels, labels: Indices, expected: Expected) -> Codes:
    """Where several samples are near, the codes by which the fewest are left without one of their own."""
    from scipy.sparse import csr_matrix
    from scipy.sparse.csgraph import maximum_bipartite_matching

    balls = expected.tree.query_ball_point(seen, ROUNDED, p=np.inf, workers=-1)
    delivered = np.repeat(np.arange(len(balls)), [len(ball) for ball in balls])
    own = np.concatenate([np.empty(0, np.int64), *(np.asarray(ball, np.int64) for ball in balls)])
    agree = labels[delivered] == expected.labels[own]
    edges = np.ones(int(agree.sum()), np.int8), (delivered[agree], own[agree])
    graph = csr_matrix(edges, shape=(len(balls), len(expected.labels)))
    chosen = maximum_bipartite_matching(graph, perm_type="column")
    return np.where(chosen >= 0, expected.codes[chosen], codes)


def _diagnosis(
    codes: Codes, near: NDArray[np.bool_], matched: Indices, expected: Expected, *, complete: bool
) -> str:
    count = len(expected.labels)
    known = near & np.isin(codes, expected.codes)
    mislabelled = int((known & (matched == -1)).sum())
    repeated = int((known & (matched == -2)).sum())
    foreign = int((~known).sum())
    # A sample beside another's label was delivered all the same.
    missing = count - int((matched >= 0).sum()) - mislabelled if complete else 0
    counts = {
        "missing": missing,
        "delivered more than once": repeated,
        "beside another's label": mislabelled,
        "with pictures that aren't the dataset's": foreign,
    }
    told = ", ".join(f"{number:,} {what}" for what, number in counts.items() if number > 0)
    if complete:
        return f"{len(codes):,} samples were delivered of {count:,}: {told}"
    return f"of {len(codes):,} samples looked at among {count:,}: {told}"


def _check_counts(record: Record, expected: Expected) -> None:
    """What can be asked of pictures too small to be told apart: the right number of each label."""
    labels, own = record.labels, expected.labels
    if record.samples != len(own) or (
        record.seen_share == 1.0 and not np.array_equal(np.sort(labels), np.sort(own))
    ):
        raise AuditError(
            f"audit: {record.samples:,} samples were delivered of {len(own):,}: another number of some label "
            "than the dataset has (the pictures are too small to be told apart)"
        )


def _check_whole_pictures(record: Record, numbers: Indices, expected: Expected) -> None:
    """AuditError where pictures aren't their samples' though the grid's pixels are."""
    looked_at = np.flatnonzero(~np.isnan(record.means) & (numbers >= 0))
    off = np.abs(record.means[looked_at] * 255 - expected.means[numbers[looked_at]])
    wrong = looked_at[off > (MEAN_EXACT if expected.resize is None else ROUNDED)]
    if expected.resize is not None and len(wrong):
        # Another sample that is as near may be the one that it is.
        seen = _levels(record.pixels[wrong])
        near = expected.tree.query_ball_point(seen, ROUNDED, p=np.inf, return_length=True)
        wrong = wrong[near == 1]
    if len(wrong):
        raise AuditError(
            f"audit: {len(wrong):,} pictures differ from the dataset's, beyond a resize's rounding"
        )


def _mixing(record: Record, numbers: Indices, samples: int) -> float | None:
    """The root of the mean variance of the sample numbers within a batch, over what a true shuffle has.

    Of numbers drawn from 0 to N - 1 without repetition, a batch's variance (over B - 1) is N (N + 1) / 12 on
    average, as that of all of them is. Batches of one sample have none. None, too, where so many samples look
    alike that those that don't say little about the order.
    """
    if not len(numbers) or (numbers < 0).mean() > TOO_ALIKE:
        return None
    batches = np.split(numbers, np.cumsum(record.sizes)[:-1])
    told_apart = (own[own >= 0] for own in batches)
    variances = [own.var(ddof=1) for own in told_apart if len(own) > 1]
    return float(np.sqrt(np.mean(variances) / (samples * (samples + 1) / 12))) if variances else None
