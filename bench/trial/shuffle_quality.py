"""Shuffle quality: how far the samples of each batch are spread over the dataset."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from bench.trial.reference_samples import Indices
from bench.trial.sample_matching import TOO_ALIKE


def measure_shuffle_quality(sizes: Sequence[int], numbers: Indices, samples: int) -> float | None:
    """Return how well batches are shuffled: 1 for a true shuffle, near 0 for the stored order.

    The figure is the root of the mean variance of the sample numbers within a batch, over the same of a true
    shuffle. Numbers drawn from 0 to N - 1 without replacement have the variance N (N + 1) / 12 on average,
    with the divisor B - 1: the sample variance is unbiased for the population's (Cochran, Sampling
    Techniques, 1977, theorem 2.4).

    Args:
        sizes: number of samples in each batch.
        numbers: sample numbers in the order of delivery, int64 (n,); -1 where a sample has a look-alike.
        samples: number of samples in the dataset.

    Returns:
        None where no batch holds two known samples, or where too many samples look alike.
    """
    if not len(numbers) or (numbers < 0).mean() > TOO_ALIKE:
        return None
    batches = np.split(numbers, np.cumsum(sizes)[:-1])
    known = (batch[batch >= 0] for batch in batches)
    variances = [batch.var(ddof=1) for batch in known if len(batch) > 1]
    return float(np.sqrt(np.mean(variances) / (samples * (samples + 1) / 12))) if variances else None
