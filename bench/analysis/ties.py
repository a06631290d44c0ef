"""Ties: configurations whose throughput can't be told from that of the best."""

from __future__ import annotations

from collections.abc import Mapping

from bench.analysis.statistics import Estimate

# Two throughputs this close are the same to anyone who trains.
INDIFFERENT = 0.02
# Below this share of the best throughput a configuration is slower, with an interval or without.
NEAR = 0.5


def is_tied(to_best: Estimate | None) -> bool | None:
    """Judge whether a throughput can be told from that of the best.

    Args:
        to_best: the ratio of the throughput to that of the best.

    Returns:
        True where the 95% interval of the ratio reaches 1 or lies within 2% of it. False where it does
        neither, or where the ratio is below 0.5. None where there are too few blocks to know.
    """
    if to_best is not None and to_best.median < NEAR:
        return False
    if to_best is None or to_best.low is None or to_best.high is None:
        return None
    return to_best.high >= 1 or to_best.low >= 1 - INDIFFERENT


def find_ties(best: int, to_best: Mapping[int, Estimate | None]) -> dict[int, bool | None]:
    """Judge each configuration of a group, the best among them.

    Args:
        best: the number of the best configuration.
        to_best: the ratio of the throughput of each configuration to that of the best, by its number.

    Returns:
        True for a configuration of the tie set, False for another one, None for unknown, by its number. The
        best is in the tie set if any other configuration is.
    """
    tied = {number: is_tied(ratio) for number, ratio in to_best.items() if number != best}
    others = set(tied.values())
    tied[best] = True if True in others else None if None in others else False
    return tied
