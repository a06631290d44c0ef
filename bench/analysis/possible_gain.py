"""PossibleGain: what an infinitely fast loader would gain, by the step alone."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from bench.analysis.intervals import from_cells
from bench.analysis.statistics import Estimate
from bench.analysis.warnings import NOISE_OVER_CEILING

# A baseline that reaches this share of the step alone leaves nothing to gain.
ALL = 0.95


@dataclass(frozen=True)
class PossibleGain:
    """Gain of an infinitely fast loader for one kind of work.

    Attributes:
        samples_per_s: throughput of the step alone, which an infinitely fast loader would give.
        share: throughput of the configuration to use over it.
        ratio: throughput of the step alone over that of the baseline, taken inside each block; None where
            the baseline failed.
    """

    samples_per_s: float
    share: float
    ratio: Estimate | None

    @property
    def baseline_share(self) -> Estimate | None:
        """Share of the throughput of the step alone that the baseline reaches; None where it failed."""
        if self.ratio is None:
            return None
        median, low, high = self.ratio.median, self.ratio.low, self.ratio.high
        if low is None or high is None:
            return Estimate(1 / median, None, None, self.ratio.blocks)
        return Estimate(1 / median, 1 / high, 1 / low, self.ratio.blocks)

    @property
    def is_none(self) -> bool:
        """True if the whole interval of the baseline's share lies above 95%."""
        share = self.baseline_share
        return share is not None and share.low is not None and share.low >= ALL


def find_possible_gain(group: pd.DataFrame, configuration: int) -> PossibleGain | None:
    """Return what an infinitely fast loader would gain.

    The step may be faster with other threads, or in a CUDA graph: the fastest one counts.

    Args:
        group: ranked lines of a summary that do the same work.
        configuration: number of the configuration to use.

    Returns:
        None where no step was measured alone, or where the configuration is so much faster than it that only
        noise explains it.
    """
    known = group[group["step_samples_per_s"].notna()]
    if known.empty:
        return None
    fastest = known.loc[known["step_samples_per_s"].idxmax()]
    samples_per_s = float(fastest["step_samples_per_s"])
    used = group.set_index("configuration").loc[configuration]
    own = from_cells(used, "step_share")
    # Inside each block where the configuration has this step itself, else by the medians.
    is_own = own is not None and used["step_samples_per_s"] == samples_per_s
    share = own.median if own is not None and is_own else float(used["samples_per_s"]) / samples_per_s
    if share > NOISE_OVER_CEILING:
        return None
    return PossibleGain(samples_per_s, share, from_cells(fastest, "possible_ratio"))
