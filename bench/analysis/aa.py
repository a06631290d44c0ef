"""A/A: how often the same configuration under two names is told apart, and how often it may be."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd
from scipy.special import bdtrc

from bench.analysis.naming import knob_names
from bench.analysis.statistics import CONFIDENCE

# The share of intervals that miss the truth.
NOMINAL = 1 - CONFIDENCE
# A count that chance reaches no more often than this is no chance.
SIGNIFICANT = 0.05


@dataclass(frozen=True)
class Claims:
    """What was claimed of pairs in which there is nothing to claim.

    pairs: those with an interval. without_interval: the others, of too few blocks or with a failed trial.
    claims: pairs whose interval of the ratio excludes 1. allowed: the most that the intervals' nominal 5% may
    claim, or chance would exceed it in fewer than one sweep in twenty. largest: the largest false difference,
    as a share; None without a pair.
    """

    pairs: int
    without_interval: int
    claims: int
    allowed: int
    largest: float | None

    @property
    def excessive(self) -> bool:
        """Whether more differences were claimed than chance explains."""
        return self.claims > self.allowed


@dataclass(frozen=True)
class AACheck:
    """The claims of a whole sweep, which decide, and those of each of its distinct configurations.

    each: by the numbers of the twins of that configuration. With many of them one or another exceeds its own
    few by chance; so only the total is a verdict.
    """

    total: Claims
    each: dict[tuple[int, ...], Claims]


def check_aa(summary: pd.DataFrame) -> AACheck:
    """Count the claims in a summary whose odd configurations are each the twin of the even one before."""
    twins = summary[summary["configuration"] % 2 == 1]
    what = ["family", "device", *knob_names(summary), "num_threads", "step", "loss"]
    each = {
        tuple(int(number) for number in group["configuration"]): _claims(group)
        for _, group in twins.groupby(what, sort=False, dropna=False)
    }
    return AACheck(_claims(twins), each)


def _claims(twins: pd.DataFrame) -> Claims:
    known = twins[twins["ratio_low"].notna()]
    pairs = len(known)
    return Claims(
        pairs=pairs,
        without_interval=len(twins) - pairs,
        claims=int(((known["ratio_low"] > 1) | (known["ratio_high"] < 1)).sum()),
        allowed=max(count for count in range(pairs + 1) if _chance_of(count, pairs) > SIGNIFICANT),
        largest=float((known["ratio"] - 1).abs().max()) if pairs else None,
    )


def _chance_of(count: int, pairs: int) -> float:
    """The chance of `count` false claims or more."""
    # Rounded, since the one claim of a single pair has a chance of 5% and not of a hair more.
    return 1.0 if count == 0 else round(float(bdtrc(count - 1, pairs, NOMINAL)), 9)
