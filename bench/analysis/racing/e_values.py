"""E-values: evidence that one configuration is slower than another, which holds after each look at it.

An e-value is at most 1 in expectation where the hypothesis holds. The same is true of its process at any time
of stopping (Ramdas, Grünwald, Vovk & Shafer, Statistical Science 38(4), 2023). So it reaches 20 with a
probability of at most 5%, however often one looks. An average of e-values is an e-value, whatever their
dependence (Vovk & Wang, Annals of Statistics 49(3), 2021).
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy import special

Floats = npt.NDArray[np.float64]
# Variance of the prior on the effect size. It decides after how many blocks evidence is strongest, not its
# validity.
PRIOR_VARIANCE = 25.0


def compute_log_e(differences: Floats, variance: float = PRIOR_VARIANCE) -> Floats:
    """Compute the logarithms of e-values against the hypothesis that the mean difference is not below 0.

    Each is the mean of two e-values: one of Student's t, one of signs. The first is a mixture of normal
    distributions over the effect size with an unknown variance, an exact test martingale (Wang & Ramdas,
    arXiv 2310.03722). Its half below 0 counts. The second mixes the probability of a difference below 0
    evenly over one half to one. It needs no normal distribution, so outliers don't hide a difference.

    Args:
        differences: logarithms of the throughput of one over that of another, shape (..., blocks).
        variance: variance of the prior on the effect size.

    Returns:
        Shape (...). Minus infinity where there is no evidence at all, as with fewer than two blocks.
    """
    blocks = differences.shape[-1]
    if blocks < 2:
        return np.full(differences.shape[:-1], -np.inf)
    logs = np.logaddexp(_compute_log_t(differences, variance), _compute_log_signs(differences))
    halved: Floats = logs - np.log(2.0)
    return halved


def _compute_log_t(differences: Floats, variance: float) -> Floats:
    blocks = differences.shape[-1]
    freedom = blocks - 1
    mean = differences.mean(axis=-1)
    deviation = differences.std(axis=-1, ddof=1)
    # Blocks that agree to the last digit are no evidence without bound.
    t = mean / np.maximum(deviation / np.sqrt(blocks), np.finfo(float).tiny)
    t = np.clip(t, -1e150, 1e150)
    spread = 1 + variance * blocks
    ratio = np.log1p(t**2 / freedom) - np.log1p(t**2 / (freedom * spread))
    log_e = np.log(2.0) - 0.5 * np.log(spread) + 0.5 * blocks * ratio
    return np.where(t < 0, log_e, -np.inf)


def _compute_log_signs(differences: Floats) -> Floats:
    blocks = differences.shape[-1]
    below = (differences < 0).sum(axis=-1).astype(float)
    above = blocks - below
    above_half = special.betaincc(below + 1, above + 1, 0.5)
    with np.errstate(divide="ignore"):
        log_tail = np.log(above_half)
    found: Floats = (blocks + 1) * np.log(2.0) + special.betaln(below + 1, above + 1) + log_tail
    return found
