"""BreakEven: the step time from which on a loader no longer matters."""

from __future__ import annotations

from collections.abc import Sequence

from bench.analysis.explanation.explanation import Advice, BreakEven
from bench.analysis.replay.predictor import Predictor

PRESENT = "as it is"
# Knobs that the replay knows.
REPLAYED = frozenset({"num_workers", "prefetch_factor", "in_order", "persistent_workers"})


def find_break_even(predictor: Predictor, advice: Sequence[Advice]) -> tuple[BreakEven, ...]:
    """Return the break-even step of the present configuration and of those that are advised.

    Args:
        predictor: predicts changes by replay.
        advice: changes worth making.

    Returns:
        In the order of step time; nothing where the replay can't be trusted.
    """
    found = []
    present_s = predictor.break_even_s()
    if present_s is not None:
        found.append(BreakEven(PRESENT, present_s))
    family = predictor.evidence.setup.family
    for one in advice:
        if one.knobs and one.family == family and set(one.knobs) <= REPLAYED:
            step_s = predictor.break_even_s(**one.knobs)
            if step_s is not None:
                found.append(BreakEven(one.change, step_s, one.knobs))
    return tuple(sorted(found, key=lambda one: one.step_s))
