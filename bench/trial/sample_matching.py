"""Sample matching: find the dataset's sample behind each delivered picture, by its pixels."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from bench.trial.epoch_observation import EpochObservation
from bench.trial.reference_samples import (
    CHUNK,
    Codes,
    Indices,
    Levels,
    ReferenceSamples,
    add_label,
    encode_levels,
)

# Tolerances for one pixel, in levels of 8 bits. Without a resize nothing is rounded. A resize may round to
# whole levels twice, once a direction, as PIL does: at most 1.0001 was ever seen.
EXACT_LEVELS, ROUNDED_LEVELS = 0.01, 1.05
# Largest share of samples with a look-alike for which samples are still told apart.
TOO_ALIKE = 0.05


def to_levels(pixels: Levels) -> Levels:
    """Return pixels from 0 to 1, float32 (n, rows, columns), as levels from 0 to 255, float32 (n, P)."""
    count, rows, columns = pixels.shape
    return np.multiply(pixels.reshape(count, rows * columns), 255, dtype=np.float32)


def match_samples(codes: Codes, labels: Indices, expected: ReferenceSamples) -> Indices:
    """Return the sample number of each delivered picture, int64 (n,).

    Samples with the same pixels and label stand for each other, each of them once.

    Args:
        codes: code of each picture's pixels, uint64 (n,).
        labels: label of each picture, int64 (n,).
        expected: the samples of the dataset.

    Returns:
        -1 for a picture that is no sample with this label, -2 for one that came too often.
    """
    seen, (own, own_order) = add_label(codes, labels), expected.in_order
    order = np.argsort(seen, kind="stable")
    seen = seen[order]
    first = np.searchsorted(own, seen, "left")
    available = np.searchsorted(own, seen, "right") - first
    # The place of each picture among those that look the same, in the order they came.
    place = np.arange(len(seen)) - np.searchsorted(seen, seen, "left")
    fits = place < available
    found = np.where(available == 0, -1, -2)
    found[fits] = own_order[first[fits] + place[fits]]
    matched = np.empty(len(seen), np.int64)
    matched[order] = found
    return matched


def match_exactly(observation: EpochObservation) -> tuple[Codes, NDArray[np.bool_]]:
    """Encode pictures that were not resized.

    It works on some thousand pictures at a time. The levels of six million would be gigabytes, and allocating
    them would take most of the time.

    Returns:
        The code of each picture, uint64 (n,), and whether its levels are whole, bool (n,).
    """
    count, rows, columns = observation.pixels.shape
    codes, near = np.empty(count, np.uint64), np.empty(count, np.bool_)
    chunk = max(1, CHUNK // (rows * columns))
    for start in range(0, count, chunk):
        some = slice(start, start + chunk)
        seen = to_levels(observation.pixels[some])
        near[some] = (np.abs(seen - np.rint(seen)) <= EXACT_LEVELS).all(axis=1)
        codes[some] = encode_levels([seen])
    return codes, near


def find_nearest(seen: Levels, expected: ReferenceSamples) -> tuple[Codes, NDArray[np.bool_]]:
    """Find the nearest sample of each resized picture by a k-d tree, with the maximum norm.

    Args:
        seen: levels of each picture, float32 (n, P).
        expected: the samples of the dataset.

    Returns:
        The code of the nearest sample, uint64 (n,), and whether it is near enough, bool (n,).
    """
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
    """Return whether the pixels can't tell samples apart, as after a resize to a few pixels."""
    from scipy.spatial import cKDTree

    # Equal samples stand for each other, so only different ones count.
    different = np.unique(expected.tree.data, axis=0)
    some = different[:: max(1, len(different) // 2000)]
    distances, _ = cKDTree(different).query(some, k=2, p=np.inf, distance_upper_bound=2 * ROUNDED_LEVELS)
    return bool(np.isfinite(distances[:, 1]).mean() > TOO_ALIKE)


def assign_samples(codes: Codes, seen: Levels, labels: Indices, expected: ReferenceSamples) -> Codes:
    """Assign a sample of its own to as many pictures as possible, where several samples are near.

    This is a maximum matching between pictures and samples (Hopcroft and Karp, 1973, in scipy).

    Args:
        codes: code of the nearest sample of each picture, uint64 (n,).
        seen: levels of each picture, float32 (n, P).
        labels: label of each picture, int64 (n,).
        expected: the samples of the dataset.

    Returns:
        The code of the assigned sample, uint64 (n,); the given code where no sample is left.
    """
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
