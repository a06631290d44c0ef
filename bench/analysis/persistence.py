"""Persistence: what workers that stay between epochs bring, and from which epoch on."""

from __future__ import annotations

import math
from dataclasses import dataclass

import pandas as pd

from bench.analysis.naming import list_knobs
from bench.analysis.ranking import list_work
from bench.analysis.statistics import Estimate, estimate, pair_ratios
from bench.analysis.throughputs import Throughputs

KNOB = "persistent_workers"


@dataclass(frozen=True)
class Persistence:
    """Gain of one configuration from workers that stay between epochs.

    Attributes:
        configuration: number of the configuration with persistent workers.
        without: number of the one that differs in nothing else.
        gain: throughput of later epochs over that without, taken inside each block; None where they have no
            block in common.
        pays_from: epoch, from 1, from which on a training has taken less time in all, by the medians; None
            where later epochs gain nothing.
    """

    configuration: int
    without: int
    gain: Estimate | None
    pays_from: int | None

    @property
    def is_sure(self) -> bool:
        """True if the interval of the gain lies above 1 or below it."""
        if (gain := self.gain) is None or gain.low is None or gain.high is None:
            return False
        return gain.low > 1 or gain.high < 1


def find_persistence(summary: pd.DataFrame, speeds: Throughputs) -> list[Persistence]:
    """Compare each ranked configuration with persistent workers to the one that differs in nothing else.

    Args:
        summary: lines of a summary of steady epochs.
        speeds: samples per second of the steady epochs of each block, by configuration.
    """
    if KNOB not in summary:
        return []
    names = ["family", *list_knobs(summary), "num_threads", "cuda_graph", *list_work(summary.columns)]
    others = [name for name in dict.fromkeys(names) if name != KNOB]
    ranked = summary[summary["rank"].notna()]
    found = []
    for _, lines in ranked.groupby(others, dropna=False, sort=False):
        by_value = {line[KNOB]: line for _, line in lines.iterrows()}
        if "on" in by_value and "off" in by_value:
            found.append(_compare(by_value["on"], by_value["off"], speeds))
    return found


def _compare(kept: pd.Series, restarted: pd.Series, speeds: Throughputs) -> Persistence:
    numbers = int(kept["configuration"]), int(restarted["configuration"])
    own, other = (speeds.get(number, {}) for number in numbers)
    # Seconds a sample stand for seconds an epoch: both load the same samples.
    extra = 1 / kept["cold_samples_per_s"] - 1 / restarted["cold_samples_per_s"]
    gain = 1 / restarted["samples_per_s"] - 1 / kept["samples_per_s"]
    return Persistence(*numbers, estimate(pair_ratios(own, other)), _find_first(extra, gain))


def _find_first(extra: float, gain: float) -> int | None:
    """Return the epoch, from 1, whose end is reached earlier.

    Both start their workers in the first epoch, so that a difference in it is noise.

    Args:
        extra: what the first epoch takes longer.
        gain: what each later epoch takes less.
    """
    if math.isnan(extra) or not gain > 0:
        return None
    return math.floor(max(extra, 0.0) / gain) + 2
