"""A/A check: the number of differences claimed between configurations that are the same."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd
from scipy.special import bdtrc

from bench.analysis.naming import list_knobs
from bench.analysis.statistics import CONFIDENCE

# Share of intervals that miss the true value.
NOMINAL = 1 - CONFIDENCE
# A count of claims is excessive where chance reaches it with at most this probability.
SIGNIFICANT = 0.05


@dataclass(frozen=True)
class Claims:
    """Differences claimed between twins, of which there are none.

    Attributes:
        pairs: pairs of twins with an interval.
        without_interval: pairs without one, of too few blocks or with a failed trial.
        claims: pairs whose interval of the ratio excludes 1.
        allowed: most claims that chance explains. More come in fewer than one sweep in twenty, at the nominal
            rate of 5%.
        largest: largest difference of a ratio from 1, as a share; None without a pair.
    """

    pairs: int
    without_interval: int
    claims: int
    allowed: int
    largest: float | None

    @property
    def excessive(self) -> bool:
        """True if more differences were claimed than chance explains."""
        return self.claims > self.allowed


@dataclass(frozen=True)
class AACheck:
    """Claims of a sweep of twins.

    Attributes:
        total: claims of the whole sweep, which decide.
        each: claims of each distinct configuration, by the numbers of its second twins. Of many
            configurations, chance lets one or another exceed its own `allowed`, so they decide nothing.
    """

    total: Claims
    each: dict[tuple[int, ...], Claims]


def check_aa(summary: pd.DataFrame) -> AACheck:
    """Count the differences claimed between twins.

    Args:
        summary: lines of a sweep in which each odd configuration is the twin of the even one before it.
    """
    twins = summary[summary["configuration"] % 2 == 1]
    identity = ["family", "device", *list_knobs(summary), "num_threads", "step", "loss"]
    each = {
        tuple(int(number) for number in group["configuration"]): _count_claims(group)
        for _, group in twins.groupby(identity, sort=False, dropna=False)
    }
    return AACheck(_count_claims(twins), each)


def _count_claims(twins: pd.DataFrame) -> Claims:
    known = twins[twins["ratio_low"].notna()]
    pairs = len(known)
    return Claims(
        pairs=pairs,
        without_interval=len(twins) - pairs,
        claims=int(((known["ratio_low"] > 1) | (known["ratio_high"] < 1)).sum()),
        allowed=max(count for count in range(pairs + 1) if _chance(count, pairs) > SIGNIFICANT),
        largest=float((known["ratio"] - 1).abs().max()) if pairs else None,
    )


def _chance(count: int, pairs: int) -> float:
    """Return the probability of at least so many false claims."""
    # Rounded: the probability for one pair is 5%, which must not exceed 5% by a rounding error.
    return 1.0 if count == 0 else round(float(bdtrc(count - 1, pairs, NOMINAL)), 9)
