"""Control: signs that the machine changed between two sides, rather than what was measured on it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

import pandas as pd

from bench.analysis.comparison.comparison import ComparedConfiguration, Judgement
from bench.analysis.comparison.side import Side
from bench.text import capitalise, format_duration, format_ratio

CHANGES: tuple[Judgement, ...] = ("slower", "faster")
# Names of the ceilings in a sentence.
CEILINGS = {"step_ceiling": "the step alone", "read_ceiling": "the reading alone", "bus_ceiling": "the bus"}


def describe_ceilings(ceilings: Sequence[ComparedConfiguration]) -> list[str]:
    """Return one line for each ceiling that became slower or faster.

    No loader takes part in a ceiling. So the machine became slower, or the step.

    Args:
        ceilings: ceilings that both sides hold, compared as configurations are.
    """
    found = []
    for one in ceilings:
        ratio = one.ratio
        if one.judgement not in CHANGES or ratio is None or ratio.low is None or ratio.high is None:
            continue
        family, _, rest = one.name.partition(" ")
        what = " ".join([CEILINGS.get(family, family), *([f"({rest})"] if rest else [])])
        low, middle, high = (format_ratio(value) for value in (ratio.low, ratio.median, ratio.high))
        found.append(
            f"{capitalise(what)} became {one.judgement}: {middle} times A ({low}–{high}). No loader "
            "takes part in it, so the machine or the step changed."
        )
    return found


def withhold(
    compared: Sequence[ComparedConfiguration], ceilings: Sequence[ComparedConfiguration]
) -> list[ComparedConfiguration]:
    """Leave undecided what a change of the machine may explain.

    Two sides without common blocks may have been measured while the machine was faster or slower. A ceiling
    shows that. Then only a change against the ceiling's direction is a change of the loader.

    Args:
        compared: configurations of two sides without common blocks.
        ceilings: ceilings of the same sides.
    """
    changed = {one.judgement for one in ceilings} & set(CHANGES)
    if not changed:
        return [*compared]
    (first, *others) = changed
    against = () if others else tuple(change for change in CHANGES if change != first)
    return [
        one
        if one.judgement in (*against, "undecided")
        else replace(one, judgement="undecided", reason=f"{one.judgement}, but a ceiling became {first}")
        for one in compared
    ]


def describe_distance(a: Side, b: Side) -> str:
    """Return what a comparison without common blocks can't tell."""
    distance = _find_distance(a, b)
    apart = "" if distance is None else f", but {format_duration(distance.total_seconds())} apart"
    return (
        f"A and B weren't measured in common blocks{apart}: a machine that changed in between looks like a "
        "difference. --revisions measures two commits in common blocks."
    )


def _find_distance(a: Side, b: Side) -> timedelta | None:
    """Return the time between the first trials of two sides; None where it isn't known."""
    if a.runs is None or b.runs is None:
        return None
    starts = [
        pd.to_datetime(side.runs["started_at"], errors="coerce", utc=True, format="ISO8601").min()
        for side in (a, b)
        if side.runs is not None
    ]
    if any(pd.isna(start) for start in starts):
        return None
    distance: timedelta = abs(starts[1] - starts[0]).to_pytimedelta()
    return distance
