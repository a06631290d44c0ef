"""Judging: which of several configurations are slower, faster or the same, at 5% for all of them together."""

from __future__ import annotations

import math
from collections.abc import Sequence

from bench.analysis.comparison.comparison import Judgement
from bench.analysis.comparison.shift import Shift

# Probability of a wrong judgement of one kind in a whole comparison.
ERROR = 0.05


def judge(shifts: Sequence[Shift], margin: float) -> list[Judgement]:
    """Judge the differences of several configurations.

    With a margin of 3%, the ratio B/A lies in one of three regions: below 0.97, from 0.97 to 1/0.97, and
    above. A judgement names the region where the data refute the two others, each at an error probability of
    5%. The regions exclude each other, so the three tests need no correction for one another (Goeman, Solari
    & Stijnen, Statistics in Medicine 29(20), 2010). The middle one is the two one-sided tests of equivalence
    (Schuirmann, Journal of Pharmacokinetics and Biopharmaceutics 15(6), 1987).

    Each kind of judgement is corrected for the number of configurations by Hochberg's procedure (Biometrika
    75(4), 1988). It holds for figures that tend to vary together, as those of one machine do.

    Args:
        shifts: difference of each configuration.
        margin: differences up to this share count as the same.

    Returns:
        The judgement of each.
    """
    found: list[Judgement] = ["undecided"] * len(shifts)
    for judgement, values in _list_p_values(shifts, margin).items():
        for place in reject(values, ERROR):
            found[place] = judgement
    return found


def judge_alone(shift: Shift, margin: float) -> Judgement:
    """Judge the difference of one configuration, as if there were no others."""
    return judge([shift], margin)[0]


def reject(p_values: Sequence[float], error: float) -> list[int]:
    """Return the places of the hypotheses that Hochberg's procedure rejects.

    Args:
        p_values: p-value of each hypothesis.
        error: probability of rejecting any true one.
    """
    order = sorted(range(len(p_values)), key=lambda place: p_values[place])
    for count in range(len(order), 0, -1):
        if p_values[order[count - 1]] <= error / (len(order) - count + 1):
            return order[:count]
    return []


def _list_p_values(shifts: Sequence[Shift], margin: float) -> dict[Judgement, list[float]]:
    low = math.log(1 - margin)
    return {
        "slower": [shift.test_below(low) for shift in shifts],
        "faster": [shift.test_above(-low) for shift in shifts],
        "same": [max(shift.test_above(low), shift.test_below(-low)) for shift in shifts],
    }
