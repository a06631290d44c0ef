"""Compare two results folders, configuration by configuration."""

from __future__ import annotations

import math
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from bench.analysis.comparison.common_blocks import (
    are_same_trials,
    have_common_blocks,
    were_measured_together,
)
from bench.analysis.comparison.comparison import (
    ComparedConfiguration,
    Comparison,
    ComparisonOptions,
    Judgement,
)
from bench.analysis.comparison.control import describe_ceilings, describe_distance, withhold
from bench.analysis.comparison.judging import ERROR, judge, judge_alone
from bench.analysis.comparison.matching import Pair, match_configurations
from bench.analysis.comparison.obstacles import (
    describe_no_match,
    find_difference,
    find_notices,
    find_obstacles,
)
from bench.analysis.comparison.shift import FEWEST_BLOCKS, Shift, compare_independent, compare_paired
from bench.analysis.comparison.side import Side, list_configurations, read_side
from bench.analysis.statistics import Estimate, pair_ratios
from bench.text import format_count

DEFAULTS = ComparisonOptions()
# Nobody waits for more blocks than these.
MOST_BLOCKS = 200


def compare_folders(
    a: Path,
    b: Path,
    options: ComparisonOptions = DEFAULTS,
    *,
    name_a: str | None = None,
    name_b: str | None = None,
) -> Comparison:
    """Compare two results folders.

    Args:
        a: results folder of the old side.
        b: results folder of the new side.
        options: options of the comparison.
        name_a: name of the old side, such as its commit; default None takes its folder.
        name_b: name of the new side; default None takes its folder.

    Raises:
        ResultsError: a folder isn't one of a sweep.
    """
    return compare_sides(read_side(a, name_a), read_side(b, name_b), options)


def compare_sides(a: Side, b: Side, options: ComparisonOptions = DEFAULTS) -> Comparison:
    """Compare two sides, as `compare_folders` does with two folders."""
    as_ratios = options.across_machines
    as_asked = were_measured_together(a, b)
    configurations_a, configurations_b = (
        list_configurations(side, as_ratios=as_ratios, as_asked=as_asked) for side in (a, b)
    )
    matching = match_configurations(configurations_a, configurations_b)
    # The ratio of a baseline to itself is always 1.
    pairs = [pair for pair in matching.pairs if not (as_ratios and pair.a.is_baseline)]
    paired = have_common_blocks(a, b) if options.paired is None else options.paired
    obstacles = find_obstacles(a, b, across_machines=as_ratios)
    notices = find_notices(a, b, matching, across_machines=as_ratios)
    if are_same_trials(a, b):
        notices.insert(0, "A and B hold the same trials: nothing was measured twice.")
    compared: list[ComparedConfiguration] = []
    if not obstacles:
        if not matching.pairs:
            obstacles.append(describe_no_match(configurations_a, configurations_b))
        elif not pairs:
            obstacles.append("only the baseline is in both A and B, and it has no ratio to compare")
        else:
            reasons = [find_difference(pair, as_ratios=as_ratios) for pair in pairs]
            compared = _compare_pairs(pairs, reasons, options.margin, paired=paired)
            if all(reasons):
                named = zip(pairs, reasons, strict=True)
                obstacles += [f"{pair.name}: {reason}" for pair, reason in named]
            if not as_ratios:
                ceilings = _compare_ceilings(a, b, options.margin, paired=paired)
                notices += describe_ceilings(ceilings)
                if not paired:
                    compared = withhold(compared, ceilings)
                    notices.append(describe_distance(a, b))
    return Comparison(
        name_a=a.name,
        name_b=b.name,
        folder_a=a.folder,
        folder_b=b.folder,
        options=replace(options, paired=paired),
        configurations=() if obstacles else tuple(compared),
        obstacles=tuple(obstacles),
        notices=tuple(notices),
        only_a=matching.only_a,
        only_b=matching.only_b,
    )


def _compare_ceilings(a: Side, b: Side, margin: float, *, paired: bool) -> list[ComparedConfiguration]:
    sides = (replace(side, runs=side.ceilings) for side in (a, b))
    pairs = match_configurations(*(list_configurations(side, as_ratios=False) for side in sides)).pairs
    reasons = [find_difference(pair, as_ratios=False) for pair in pairs]
    return _compare_pairs(pairs, reasons, margin, paired=paired)


def _compare_pairs(
    pairs: Sequence[Pair], reasons: Sequence[str], margin: float, *, paired: bool
) -> list[ComparedConfiguration]:
    """Compare configurations.

    Args:
        pairs: configurations on both sides.
        reasons: reason why each can't be compared; empty where it can.
        margin: differences up to this share count as the same.
        paired: whether both sides were measured in common blocks.
    """
    smallest_error = ERROR / max(1, reasons.count(""))
    shifts = [
        None if reason else _find_shift(pair, smallest_error, paired=paired)
        for pair, reason in zip(pairs, reasons, strict=True)
    ]
    known = [shift for shift in shifts if shift is not None]
    judgements = iter(judge(known, margin))
    found = []
    for pair, reason, shift in zip(pairs, reasons, shifts, strict=True):
        judgement: Judgement = "undecided" if shift is None else next(judgements)
        blocks = _count_blocks(pair, paired=paired)
        if not reason and judgement == "undecided":
            reason = _explain_doubt(shift, blocks, margin, len(known))
        found.append(
            ComparedConfiguration(
                name=pair.name,
                number_a=pair.a.number,
                number_b=pair.b.number,
                a=_find_median(pair.a.values),
                b=_find_median(pair.b.values),
                ratio=_estimate_ratio(pair, shift, blocks, paired=paired),
                judgement=judgement,
                reason=reason,
            )
        )
    return found


def _find_shift(pair: Pair, smallest_error: float, *, paired: bool) -> Shift | None:
    a, b = pair.a.values, pair.b.values
    if paired:
        return compare_paired(pair_ratios(b, a), smallest_error)
    return compare_independent([*a.values()], [*b.values()], smallest_error)


def _count_blocks(pair: Pair, *, paired: bool) -> int:
    """Return the number of blocks that count on each side, the smaller one."""
    a, b = pair.a.values, pair.b.values
    return len(a.keys() & b.keys()) if paired else min(len(a), len(b))


def _find_median(values: Mapping[int, float]) -> float | None:
    return statistics.median(values.values()) if values else None


def _estimate_ratio(pair: Pair, shift: Shift | None, blocks: int, *, paired: bool) -> Estimate | None:
    """Return B over A with its interval; without an interval where there are too few blocks."""
    if shift is not None:
        low, high = shift.find_bounds(ERROR)
        return Estimate(math.exp(shift.centre), math.exp(low), math.exp(high), blocks)
    a, b = pair.a.values, pair.b.values
    if not blocks:
        return None
    ratio = (
        statistics.median(pair_ratios(b, a))
        if paired
        else statistics.median(b.values()) / statistics.median(a.values())
    )
    return Estimate(ratio, None, None, blocks)


def _explain_doubt(shift: Shift | None, blocks: int, margin: float, comparisons: int) -> str:
    """Return in a few words why a difference is undecided."""
    if shift is None:
        return f"{format_count(blocks, 'block')} of {FEWEST_BLOCKS} that an interval needs"
    alone = judge_alone(shift, margin)
    if alone != "undecided":
        return f"{alone} by itself, but not among {comparisons} comparisons"
    return f"the interval reaches over the margin; {_foresee_blocks(shift, blocks, margin)}"


def _foresee_blocks(shift: Shift, blocks: int, margin: float) -> str:
    """Return in a few words how many blocks may decide a difference, if its ratio stays as it is.

    An interval narrows with the square root of the number of blocks.
    """
    low, high = shift.find_bounds(ERROR)
    edge = math.log(1 - margin)
    distance = min(abs(shift.centre - edge), abs(shift.centre + edge))
    reach = max(shift.centre - low, high - shift.centre)
    if reach**2 * blocks > MOST_BLOCKS * distance**2:
        return "the ratio lies too near the margin for more blocks to decide"
    return f"some {max(blocks + 1, math.ceil(blocks * (reach / distance) ** 2))} blocks may decide"
