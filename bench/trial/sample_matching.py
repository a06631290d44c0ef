"""Match delivered samples to the samples of a dataset by their pixels."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from bench.trial.epoch_observation import EpochObservation

if TYPE_CHECKING:
    pass
from bench.trial.reference_samples import (
    CHUNK,
    Codes,
    Indices,
    Levels,
    ReferenceSamples,
    add_label,
    encode_levels,
)

# In levels of 8 bits. A picture as it is comes without rounding; a resize may round to whole levels twice,
# as PIL does (once a direction), which was never seen to add up to more than 1.0001.
EXACT_LEVELS, ROUNDED_LEVELS = 0.01, 1.05
# From this share of samples on that the grid can't tell apart, none is asked to be known by it.
TOO_ALIKE = 0.05


def to_levels(pixels: Levels) -> Levels:
    """The grid's pixels (n, rows, columns) of each picture in a line (n, P), from 0 to 255."""
    count, rows, columns = pixels.shape
    return np.multiply(pixels.reshape(count, rows * columns), 255, dtype=np.float32)


def match_samples(codes: Codes, labels: Indices, expected: ReferenceSamples) -> Indices:
    """The number of the sample that each delivered one is: -1 for none, -2 for one that came before.

    Samples that look the same and have the same label stand for each other, each once.
    """
    seen, (own, own_order) = add_label(codes, labels), expected.in_order
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


def match_exactly(record: EpochObservation) -> tuple[Codes, NDArray[np.bool_]]:
    """For each picture as it is, its code; False where its levels aren't whole.

    Some thousand at a time: the levels of six million would be gigabytes, and making room for them is most
    of the time.
    """
    count, rows, columns = record.pixels.shape
    codes, near = np.empty(count, np.uint64), np.empty(count, np.bool_)
    chunk = max(1, CHUNK // (rows * columns))
    for start in range(0, count, chunk):
        own = slice(start, start + chunk)
        seen = to_levels(record.pixels[own])
        near[own] = (np.abs(seen - np.rint(seen)) <= EXACT_LEVELS).all(axis=1)
        codes[own] = encode_levels([seen])
    return codes, near


def find_nearest(seen: Levels, expected: ReferenceSamples) -> tuple[Codes, NDArray[np.bool_]]:
    """For each resized picture, which may be rounded, its nearest sample's code; False where none is near."""
    codes = encode_levels([seen])
    near = np.isin(codes, expected.codes)
    rest = np.flatnonzero(~near)
    if len(rest):
        distances, nearest = expected.tree.query(
            seen[rest], p=np.inf, distance_upper_bound=ROUNDED_LEVELS, workers=-1
        )
        found = np.isfinite(distances)
        codes[rest[found]] = expected.codes[nearest[found]]
        near[rest[found]] = True
    return codes, near


def is_too_alike(expected: ReferenceSamples) -> bool:
    """Whether the grid can't tell samples apart, as those resized to a few pixels."""
    from scipy.spatial import cKDTree

    # Samples that are the same stand for each other and trouble nobody.
    different = np.unique(expected.tree.data, axis=0)
    some = different[:: max(1, len(different) // 2000)]
    distances, _ = cKDTree(different).query(some, k=2, p=np.inf, distance_upper_bound=2 * ROUNDED_LEVELS)
    return bool(np.isfinite(distances[:, 1]).mean() > TOO_ALIKE)


def assign_samples(codes: Codes, seen: Levels, labels: Indices, expected: ReferenceSamples) -> Codes:
    """Where several samples are near, the codes by which the fewest are left without one of their own."""
    from scipy.sparse import csr_matrix
    from scipy.sparse.csgraph import maximum_bipartite_matching

    balls = expected.tree.query_ball_point(seen, ROUNDED_LEVELS, p=np.inf, workers=-1)
    delivered = np.repeat(np.arange(len(balls)), [len(ball) for ball in balls])
    own = np.concatenate([np.empty(0, np.int64), *(np.asarray(ball, np.int64) for ball in balls)])
    agree = labels[delivered] == expected.labels[own]
    edges = np.ones(int(agree.sum()), np.int8), (delivered[agree], own[agree])
    graph = csr_matrix(edges, shape=(len(balls), len(expected.labels)))
    chosen = maximum_bipartite_matching(graph, perm_type="column")
    return np.where(chosen >= 0, expected.codes[chosen], codes)
