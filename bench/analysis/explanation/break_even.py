"""BreakEven: the step time from which on a loader no longer matters."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from bench.analysis.explanation.candidates import make_worker_change
from bench.analysis.explanation.explanation import Advice, BreakEven
from bench.analysis.replay.predictor import Predictor

PRESENT = "as it is"
# Knobs that the replay knows. Workers that live on move no such step, as none hides a start-up.
REPLAYED = frozenset({"num_workers", "prefetch_factor", "in_order"})
# Numbers of workers that are looked at where there are none.
FIRST_WORKERS = (1, 2)


def find_break_even(predictor: Predictor, advice: Sequence[Advice]) -> tuple[BreakEven, ...]:
    """Return the break-even step of the present configuration and of those that are advised.

    Without workers loading and step take turns, so there is no such step. Then those of one and of two
    workers are told, too.

    Args:
        predictor: predicts changes by replay.
        advice: changes worth making.

    Returns:
        In the order of step time; nothing where the replay can't be trusted.
    """
    setup = predictor.evidence.setup
    changes: list[tuple[str, Mapping[str, object]]] = [
        (one.change, one.knobs)
        for one in advice
        if one.knobs and one.family == setup.family and set(one.knobs) <= REPLAYED
    ]
    if setup.num_workers:
        changes.insert(0, (PRESENT, {}))
    elif setup.has_dataloader:
        first = [make_worker_change(setup, number) for number in FIRST_WORKERS]
        known = [change for change, _ in changes]
        changes += [(one.change, one.knobs) for one in first if one.change not in known]
    found = [
        BreakEven(change, step_s, knobs)
        for change, knobs in changes
        if (step_s := predictor.break_even_s(**knobs)) is not None
    ]
    return tuple(sorted(found, key=lambda one: one.step_s))
