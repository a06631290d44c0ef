"""Audit: were the batches of an epoch the dataset's samples, each exactly once, beside its own label?

Samples are known by their pixels alone, so no loader needs to take part, and none can talk its way out.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from bench.trial.epoch_observation import EpochObservation

if TYPE_CHECKING:
    pass
from bench.trial.reference_samples import Codes, Indices, ReferenceSamples
from bench.trial.sample_matching import (
    ROUNDED_LEVELS,
    TOO_ALIKE,
    assign_samples,
    find_nearest,
    is_too_alike,
    match_exactly,
    match_samples,
    to_levels,
)

# Of the mean of a picture's pixels: float32 rounds while it adds them up.
MEAN_EXACT = 0.02


class AuditError(RuntimeError):
    """An epoch that isn't one: what its loader did with the samples instead, in one line."""


@dataclass(frozen=True)
class AuditResult:
    """What an epoch that stood its audit was like.

    mixing: the standard deviation of the sample numbers within a batch over that of a true shuffle, None
    where it can't be said. seen_share: the share of the batches that the record holds.
    """

    shuffle_quality: float | None
    seen_share: float


def audit_epoch(record: EpochObservation, expected: ReferenceSamples) -> AuditResult:
    """Judge what a witness saw of an epoch; AuditError says what is wrong with it.

    A record that holds all batches must hold every sample exactly once; one that holds some, no sample more
    than once. As many samples as there are must have been delivered, seen or not.
    """
    _check_form(record)
    labels = record.labels
    if expected.resize is None:
        codes, near = match_exactly(record)
        matched = match_samples(codes, labels, expected)
    else:
        seen = to_levels(record.pixels)
        codes, near = find_nearest(seen, expected)
        matched = match_samples(codes, labels, expected)
        if near.all() and (matched < 0).any():
            if is_too_alike(expected):
                _check_counts(record, expected)
                return AuditResult(None, record.seen_share)
            codes = assign_samples(codes, seen, labels, expected)
            matched = match_samples(codes, labels, expected)
    complete = record.seen_share == 1.0
    count = len(expected.labels)
    if not near.all() or (matched < 0).any() or (complete and len(matched) != count):
        raise AuditError(f"audit: {_diagnosis(codes, near, matched, expected, complete=complete)}")
    if record.samples != count:
        off = f"{count - record.samples:,} missing" if record.samples < count else "some more than once"
        raise AuditError(f"audit: {record.samples:,} samples were delivered of {count:,}: {off}")
    numbers = np.where(expected.unmistakable[matched], matched, -1)
    _check_whole_pictures(record, numbers, expected)
    return AuditResult(_shuffle_quality(record, numbers, count), record.seen_share)


def _check_form(record: EpochObservation) -> None:
    if record.odd is not None:
        raise AuditError(f"audit: {record.odd}")
    low, high = record.low, record.high
    if record.pixels.size:
        # numpy's, since Python's own min and max pass over what is no number.
        low, high = float(np.minimum(low, record.pixels.min())), float(np.maximum(high, record.pixels.max()))
    if not (low >= -1e-6 and high <= 1 + 1e-6):
        raise AuditError(f"audit: pixel values from {low:.4g} to {high:.4g} instead of 0 to 1")


def _diagnosis(
    codes: Codes, near: NDArray[np.bool_], matched: Indices, expected: ReferenceSamples, *, complete: bool
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


def _check_counts(record: EpochObservation, expected: ReferenceSamples) -> None:
    """What can be asked of pictures too small to be told apart: the right number of each label."""
    labels, own = record.labels, expected.labels
    if record.samples != len(own) or (
        record.seen_share == 1.0 and not np.array_equal(np.sort(labels), np.sort(own))
    ):
        raise AuditError(
            f"audit: {record.samples:,} samples were delivered of {len(own):,}: another number of some label "
            "than the dataset has (the pictures are too small to be told apart)"
        )


def _check_whole_pictures(record: EpochObservation, numbers: Indices, expected: ReferenceSamples) -> None:
    """AuditError where pictures aren't their samples' though the grid's pixels are."""
    looked_at = np.flatnonzero(~np.isnan(record.means) & (numbers >= 0))
    off = np.abs(record.means[looked_at] * 255 - expected.means[numbers[looked_at]])
    wrong = looked_at[off > (MEAN_EXACT if expected.resize is None else ROUNDED_LEVELS)]
    if expected.resize is not None and len(wrong):
        # Another sample that is as near may be the one that it is.
        seen = to_levels(record.pixels[wrong])
        near = expected.tree.query_ball_point(seen, ROUNDED_LEVELS, p=np.inf, return_length=True)
        wrong = wrong[near == 1]
    if len(wrong):
        raise AuditError(
            f"audit: {len(wrong):,} pictures differ from the dataset's, beyond a resize's rounding"
        )


def _shuffle_quality(record: EpochObservation, numbers: Indices, samples: int) -> float | None:
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
