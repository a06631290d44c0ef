"""Stability: configurations whose blocks disagree."""

from __future__ import annotations

import math
from dataclasses import dataclass

import pandas as pd
from scipy.special import ndtri

from bench.analysis.statistics import CONFIDENCE

# pyperf's signs of an unstable benchmark: the standard deviation over the mean, and the distance of the
# slowest or fastest value from the middle, as a share of it.
UNSTABLE_DEVIATION, UNSTABLE_EXTREME = 0.10, 0.50
# Half width of an interval, as a share, for which the number of blocks is predicted.
USABLE_PRECISION = 0.05
# More blocks than that are no remedy.
MOST_BLOCKS = 60


@dataclass(frozen=True)
class Unstable:
    """A configuration whose blocks disagree by more than they should.

    Attributes:
        configuration: its number.
        slowest: throughput of its slowest block, samples/s.
        fastest: throughput of its fastest block, samples/s.
        deviation: standard deviation of the blocks over their mean.
        blocks_needed: predicted number of blocks for an interval of ±5%; None where it is as narrow already.
    """

    configuration: int
    slowest: float
    fastest: float
    deviation: float
    blocks_needed: int | None


def find_unstable(summary: pd.DataFrame) -> list[Unstable]:
    """Return the ranked configurations whose blocks disagree, the worst first.

    The rule is that of pyperf's `check` (`format_checks` in pyperf/_cli.py), on the throughputs of blocks.
    Their standard deviation is at least 10% of their mean, or the slowest or fastest is 50% off the middle.
    """
    found = [
        Unstable(
            configuration=int(line["configuration"]),
            slowest=line["samples_per_s_slowest"],
            fastest=line["samples_per_s_fastest"],
            deviation=line["samples_per_s_deviation"],
            blocks_needed=_predict_blocks(line),
        )
        for _, line in summary[summary["rank"].notna()].iterrows()
        if line["samples_per_s_deviation"] >= UNSTABLE_DEVIATION
        or line["samples_per_s_fastest"] >= (1 + UNSTABLE_EXTREME) * line["samples_per_s"]
        or line["samples_per_s_slowest"] <= (1 - UNSTABLE_EXTREME) * line["samples_per_s"]
    ]
    return sorted(found, key=lambda one: one.deviation, reverse=True)


def _predict_blocks(line: pd.Series) -> int | None:
    low, high = line["samples_per_s_low"], line["samples_per_s_high"]
    if math.sqrt(high / low) - 1 <= USABLE_PRECISION:
        return None
    # For normal noise the standard error of a median is √(π/2) times that of a mean.
    error = float(line["samples_per_s_deviation"]) * math.sqrt(math.pi / 2)
    needed = math.ceil((float(ndtri((1 + CONFIDENCE) / 2)) * error / USABLE_PRECISION) ** 2)
    return max(needed, int(line["blocks"]) + 1)
