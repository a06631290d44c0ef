"""Regret by the whole grid: how much faster than the chosen configuration the fastest one is."""

from __future__ import annotations

import math
import statistics
from collections.abc import Mapping
from dataclasses import dataclass

from bench.analysis.statistics import pair_ratios
from bench.analysis.throughputs import Throughputs


@dataclass(frozen=True)
class GridRegret:
    """Judgement of a choice by the whole grid.

    Attributes:
        best: number of the configuration that is fastest in all blocks.
        regret: by how much of its throughput the fastest exceeds the chosen one, as a share.
        present_gain: throughput of the fastest over that of the present configuration.
    """

    best: int
    regret: float
    present_gain: float


def judge_by_grid(speeds: Throughputs, chosen: int, present: int = 0) -> GridRegret | None:
    """Judge a choice by blocks of the whole grid.

    The fastest of many is chosen by its noise too, so its own figures exaggerate. Here the fastest of the
    even blocks is judged by the odd ones, and the other way round. Both regrets are averaged.

    Args:
        speeds: samples per second of each block, by configuration.
        chosen: the configuration that a tuning chose.
        present: the present configuration.

    Returns:
        None where one of them has no block in one of the halves.
    """
    halves = [
        {number: {b: s for b, s in blocks.items() if b % 2 == parity} for number, blocks in speeds.items()}
        for parity in (0, 1)
    ]
    regrets, gains = [], []
    for selecting, judging in (halves, halves[::-1]):
        best = _find_best(selecting, chosen)
        regret = _compare(judging, best, chosen)
        gain = _compare(judging, best, present)
        if regret is None or gain is None:
            return None
        regrets.append(regret)
        gains.append(gain)
    best = _find_best(speeds, chosen)
    return GridRegret(best, math.exp(statistics.fmean(regrets)) - 1, math.exp(statistics.fmean(gains)))


def _find_best(speeds: Throughputs, reference: int) -> int:
    """Return the fastest by the median of the ratios to a reference inside each block."""
    ratios = {number: _compare(speeds, number, reference) for number in speeds}
    known = {number: ratio for number, ratio in ratios.items() if ratio is not None}
    return max(known, key=known.__getitem__, default=reference)


def _compare(speeds: Mapping[int, Mapping[int, float]], number: int, other: int) -> float | None:
    """Return the median logarithm of the ratio of two configurations; None without a common block."""
    ratios = pair_ratios(speeds.get(number, {}), speeds.get(other, {}))
    return statistics.median(map(math.log, ratios)) if ratios else None
