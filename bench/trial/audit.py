"""Audit: decide whether an epoch delivered each sample of the dataset exactly once, with its own label.

Samples are known by their pixels alone, so no loader takes part in its own audit.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from bench.trial.audit_result import AuditError, AuditResult
from bench.trial.epoch_observation import EpochObservation
from bench.trial.epoch_order import EpochOrder
from bench.trial.reference_samples import Codes, Indices, ReferenceSamples
from bench.trial.sample_matching import (
    ROUNDED_LEVELS,
    assign_samples,
    find_nearest,
    is_too_alike,
    match_exactly,
    match_samples,
    to_levels,
)
from bench.trial.shuffle_quality import measure_shuffle_quality

# Tolerance for the mean of a picture's pixels, in levels of 8 bits: float32 rounds as it adds them up.
MEAN_EXACT = 0.02


def audit_epoch(observation: EpochObservation, expected: ReferenceSamples) -> AuditResult:
    """Audit one epoch.

    An observation of all batches must hold every sample exactly once. An observation of some batches must
    hold no sample twice. In both cases the number of delivered samples must be that of the dataset.

    Args:
        observation: the batches that were seen, and the number of those that were delivered.
        expected: the samples of the dataset.

    Raises:
        AuditError: if the epoch did not deliver the dataset.
    """
    _check_form(observation)
    labels = observation.labels
    complete = observation.seen_share == 1.0
    if expected.resize is None:
        codes, near = match_exactly(observation)
        matched = match_samples(codes, labels, expected)
    else:
        seen = to_levels(observation.pixels)
        codes, near = find_nearest(seen, expected)
        matched = match_samples(codes, labels, expected)
        if near.all() and (matched < 0).any():
            if is_too_alike(expected):
                _check_label_counts(observation, expected)
                return AuditResult(None, observation.seen_share, needs_repetition=not complete)
            codes = assign_samples(codes, seen, labels, expected)
            matched = match_samples(codes, labels, expected)
    count = len(expected.labels)
    if not near.all() or (matched < 0).any() or (complete and len(matched) != count):
        raise AuditError(f"audit: {_describe_faults(codes, near, matched, expected, complete=complete)}")
    if observation.samples != count:
        missing = count - observation.samples
        fault = f"{missing:,} missing" if missing > 0 else "some more than once"
        raise AuditError(f"audit: {observation.samples:,} samples were delivered of {count:,}: {fault}")
    numbers = np.where(expected.unmistakable[matched], matched, -1)
    _check_means(observation, numbers, expected)
    return AuditResult(
        shuffle_quality=measure_shuffle_quality(observation.sizes, numbers, count),
        seen_share=observation.seen_share,
        order=EpochOrder.read(codes, labels, expected) if complete else None,
        needs_repetition=not complete,
    )


def _check_form(observation: EpochObservation) -> None:
    if observation.format_error is not None:
        raise AuditError(f"audit: {observation.format_error}")
    low, high = observation.low, observation.high
    if observation.pixels.size:
        # numpy's min and max return NaN where there is one; Python's may not.
        low = float(np.minimum(low, observation.pixels.min()))
        high = float(np.maximum(high, observation.pixels.max()))
    if not (low >= -1e-6 and high <= 1 + 1e-6):
        raise AuditError(f"audit: pixel values from {low:.4g} to {high:.4g} instead of 0 to 1")


def _describe_faults(
    codes: Codes, near: NDArray[np.bool_], matched: Indices, expected: ReferenceSamples, *, complete: bool
) -> str:
    count = len(expected.labels)
    known = near & np.isin(codes, expected.codes)
    mislabelled = int((known & (matched == -1)).sum())
    repeated = int((known & (matched == -2)).sum())
    foreign = int((~known).sum())
    # A sample with another's label was delivered all the same.
    missing = count - int((matched >= 0).sum()) - mislabelled if complete else 0
    faults = {
        "missing": missing,
        "delivered more than once": repeated,
        "with another sample's label": mislabelled,
        "with pictures that aren't in the dataset": foreign,
    }
    listed = ", ".join(f"{number:,} {fault}" for fault, number in faults.items() if number > 0)
    if complete:
        return f"{len(codes):,} samples were delivered of {count:,}: {listed}"
    return f"{len(codes):,} samples were checked of {count:,}: {listed}"


def _check_label_counts(observation: EpochObservation, expected: ReferenceSamples) -> None:
    """Check the number of each label, where pictures are too small to be told apart."""
    labels, own = observation.labels, expected.labels
    if observation.samples != len(own) or (
        observation.seen_share == 1.0 and not np.array_equal(np.sort(labels), np.sort(own))
    ):
        raise AuditError(
            f"audit: {observation.samples:,} samples were delivered of {len(own):,}: some label came another "
            "number of times than the dataset has it (the pictures are too small to be told apart)"
        )


def _check_means(observation: EpochObservation, numbers: Indices, expected: ReferenceSamples) -> None:
    """Check the mean of each picture that was seen in whole: pixels beside the grid may be wrong."""
    checked = np.flatnonzero(~np.isnan(observation.means) & (numbers >= 0))
    differences = np.abs(observation.means[checked] * 255 - expected.means[numbers[checked]])
    wrong = checked[differences > (MEAN_EXACT if expected.resize is None else ROUNDED_LEVELS)]
    if expected.resize is not None and len(wrong):
        # Where several samples are near, the picture may be another one of them.
        seen = to_levels(observation.pixels[wrong])
        near = expected.tree.query_ball_point(seen, ROUNDED_LEVELS, p=np.inf, return_length=True)
        wrong = wrong[near == 1]
    if len(wrong):
        raise AuditError(
            f"audit: {len(wrong):,} pictures differ from the dataset's by more than a resize rounds"
        )
