"""Confirming: fresh blocks of the chosen configurations and the present one."""

from __future__ import annotations

import math
import random
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import NamedTuple

from scipy.special import ndtri

from bench.analysis.comparison.shift import compare_paired
from bench.analysis.statistics import CONFIDENCE, FEWEST_BLOCKS, Estimate, estimate, pair_ratios
from bench.analysis.tuning.lab import Ceilings, Lab, LabClosedError
from bench.analysis.tuning.outcome import Confirmation

# Blocks of fresh trials. With fewer than the second number an interval says little, so of three
# configurations one is left out before.
BLOCKS, FEWEST, MOST = 8, 4, 40
# Error probability to each side of an interval, of two that are made; and the power that is aimed at.
ERROR, POWER = 0.0125, 0.9
# Most configurations in a block: the leader, the cheapest, and the present one.
CONFIRMED = 3


class FreshPlan(NamedTuple):
    """The fresh blocks that there is time for.

    Attributes:
        numbers: the configurations of a block, the present one first.
        blocks: number of blocks; 0 where they would be too few.
        has_ceilings: whether each block measures what bounds them, too.
    """

    numbers: tuple[int, ...]
    blocks: int = 0
    has_ceilings: bool = False


def plan_fresh(
    lab: Lab, ceilings: Ceilings | None, numbers: Sequence[int], wanted: int, enough: int
) -> FreshPlan:
    """Return the fresh blocks that the budget has time for.

    Their number depends on the race and on no fresh block, so intervals of these blocks hold. Where there is
    no time for all, the gain goes before the share of the ceiling, and that of the leader before the question
    which of its equals is cheaper. Blocks beyond those that show the gain go last.

    Args:
        lab: runs the trials.
        ceilings: measures what bounds the configurations; None for none.
        numbers: the configurations: the present one, the leader, and the cheapest if it is another.
        wanted: blocks that there should be.
        enough: blocks that show the gain, as far as it is known.
    """
    most = tuple(numbers)
    if ceilings is not None:
        ceilings_s = ceilings.estimate_s(most)
        blocks = _count_blocks(lab, most, wanted, beside_s=ceilings_s)
        if blocks >= min(wanted, BLOCKS):
            return FreshPlan(most, blocks, has_ceilings=True)
        kept_s = FEWEST_BLOCKS * ceilings_s
        if (blocks := _count_blocks(lab, most, wanted, kept_s=kept_s)) >= max(FEWEST, enough):
            return FreshPlan(most, blocks)
    for chosen, fewest in ((most, FEWEST), (most[:2], FEWEST_BLOCKS)):
        if (blocks := _count_blocks(lab, chosen, wanted)) >= fewest:
            return FreshPlan(chosen, blocks)
    return FreshPlan(most)


def _count_blocks(
    lab: Lab, numbers: Sequence[int], wanted: int, beside_s: float = 0.0, kept_s: float = 0.0
) -> int:
    """Return how many of the wanted blocks the budget has time for.

    Args:
        lab: runs the trials.
        numbers: the configurations of a block.
        wanted: blocks that there should be.
        beside_s: seconds that each block takes beside its trials; default 0.
        kept_s: seconds that are kept for what follows; default 0.
    """
    trials_s = sum(lab.estimate_s("confirm", number) for number in numbers)
    block_s = trials_s + beside_s
    room_s = lab.find_left_s() - kept_s - lab.audit_trials * trials_s
    room = room_s / block_s if block_s > 0 else math.inf
    return wanted if room >= wanted else max(0, int(room))


def measure_fresh(
    lab: Lab, numbers: Sequence[int], blocks: Sequence[int], seed: int, ceilings: Ceilings | None = None
) -> dict[int, dict[int, float]]:
    """Measure configurations in fresh blocks.

    Their number is fixed beforehand, so that usual intervals hold.

    Args:
        lab: runs the trials.
        numbers: the configurations, the present one first.
        blocks: numbers of the blocks.
        seed: decides the order in each block.
        ceilings: measures what bounds them in each block, too; default None.

    Returns:
        Throughputs of each configuration by the block.
    """
    speeds: dict[int, dict[int, float]] = {number: {} for number in numbers}
    with suppress(LabClosedError):
        for block in blocks:
            block_s = sum(lab.estimate_s("confirm", number) for number in numbers)
            if block >= FEWEST_BLOCKS and lab.find_left_s() < block_s / 2:
                # Trials took longer than was expected. Their speeds have no part in that.
                break
            for number in random.Random(f"{seed}/confirm/{block}").sample(numbers, len(numbers)):
                measured = lab.measure("confirm", number, block)
                if measured.samples_per_s is not None:
                    speeds[number][block] = measured.samples_per_s
            if ceilings is not None:
                ceilings.measure(numbers, block)
    return speeds


def confirm(speeds: Mapping[int, Mapping[int, float]]) -> dict[int, Confirmation]:
    """Compare configurations in fresh blocks with the first of them.

    Intervals are corrected for the number of comparisons (Bonferroni).

    Args:
        speeds: throughputs of each configuration by the block, those of the present one first.

    Returns:
        The configurations that have enough blocks; none where the present one hasn't.
    """
    numbers = list(speeds)
    present = speeds[numbers[0]]
    found: dict[int, Confirmation] = {}
    for number in numbers:
        ratios = pair_ratios(speeds[number], present)
        own = estimate(list(speeds[number].values()))
        if own is not None and len(ratios) >= FEWEST_BLOCKS:
            found[number] = Confirmation(own, compare(ratios, max(1, len(numbers) - 1)))
    return found if numbers[0] in found else {}


def want_blocks(gap: float, noise: float, fewest: int) -> int:
    """Return the number of fresh blocks that show a gap in nine of ten cases.

    Args:
        gap: logarithm of the ratio that is to be shown.
        noise: spread of one trial, as a share.
        fewest: fewest blocks.
    """
    standard_errors = float(ndtri(1 - ERROR) + ndtri(POWER))
    wanted = 2 * (standard_errors * noise / gap) ** 2
    return min(MOST, max(fewest, math.ceil(wanted)))


def compare(ratios: Sequence[float], comparisons: int) -> Estimate:
    """Return a ratio with its interval, which holds for all comparisons together with 95%.

    Args:
        ratios: at least 3 ratios, one a block.
        comparisons: number of comparisons that are made.
    """
    error = (1 - CONFIDENCE) / 2 / comparisons
    shift = compare_paired(ratios, error)
    assert shift is not None
    low, high = shift.find_bounds(error)
    return Estimate(math.exp(shift.centre), math.exp(low), math.exp(high), len(ratios))
