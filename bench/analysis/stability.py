"""Stability: configurations whose blocks disagree."""

from __future__ import annotations

import math
from dataclasses import dataclass

import pandas as pd
from scipy.special import ndtri

from bench.analysis.statistics import CONFIDENCE

# pyperf's signs of an unstable benchmark: its standard deviation, and how far off one value lies.
UNSTABLE_DEVIATION, UNSTABLE_EXTREME = 0.10, 0.50
# The half width for which it's said how many blocks it would take.
USABLE_PRECISION = 0.05


@dataclass(frozen=True)
class Unstable:
    """A configuration whose blocks disagree by more than they should.

    slowest, fastest: of its blocks, samples/s. deviation: their standard deviation over their mean.
    blocks_needed: about how many would bring the interval of its throughput to ±5%; None where it is there.
    """

    configuration: int
    slowest: float
    fastest: float
    deviation: float
    blocks_needed: int | None


def find_unstable(summary: pd.DataFrame) -> list[Unstable]:
    """The ranked configurations whose blocks disagree, the worst first.

    The rule is that of pyperf's `check` (`format_checks` in pyperf/_cli.py), on the throughputs of blocks:
    their standard deviation is 10% of their mean or more, or the slowest or fastest is 50% off the middle.
    """
    found = [
        Unstable(
            configuration=int(line["configuration"]),
            slowest=line["samples_per_s_slowest"],
            fastest=line["samples_per_s_fastest"],
            deviation=line["samples_per_s_deviation"],
            blocks_needed=_blocks_needed(line),
        )
        for _, line in summary[summary["rank"].notna()].iterrows()
        if line["samples_per_s_deviation"] >= UNSTABLE_DEVIATION
        or line["samples_per_s_fastest"] >= (1 + UNSTABLE_EXTREME) * line["samples_per_s"]
        or line["samples_per_s_slowest"] <= (1 - UNSTABLE_EXTREME) * line["samples_per_s"]
    ]
    return sorted(found, key=lambda one: one.deviation, reverse=True)


def _blocks_needed(line: pd.Series) -> int | None:
    low, high = line["samples_per_s_low"], line["samples_per_s_high"]
    if math.sqrt(high / low) - 1 <= USABLE_PRECISION:
        return None
    # The standard error of a median is √(π/2) that of a mean, where the noise is normal.
    error = float(line["samples_per_s_deviation"]) * math.sqrt(math.pi / 2)
    needed = math.ceil((float(ndtri((1 + CONFIDENCE) / 2)) * error / USABLE_PRECISION) ** 2)
    return max(needed, int(line["blocks"]) + 1)
