"""Advice: the changes worth making, and those that would gain nothing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from bench.analysis.explanation.candidates import list_candidates, make_worker_change
from bench.analysis.explanation.explanation import Advice, Cause, Diagnosis
from bench.analysis.explanation.facts import Facts
from bench.analysis.explanation.worker_counts import find_enough_workers

# A smaller gain is noise between processes, and not worth a change.
WORTH = 1.03
MOST_ADVICE = 3
MOST_USELESS = 8


@dataclass(frozen=True)
class AdviceSets:
    """Changes, each set in the order of gain.

    Attributes:
        worth: those worth making.
        useless: those that would gain nothing, or would lose.
        unclear: those that may gain, but of which blocks disagree.
    """

    worth: tuple[Advice, ...]
    useless: tuple[Advice, ...]
    unclear: tuple[Advice, ...]


def find_advice(facts: Facts, diagnosis: Diagnosis) -> AdviceSets:
    """Divide the changes that the evidence suggests.

    A change is worth making if it gains over 3% and its interval lies above 1. Three are advised: of those
    that an option makes, first those that mend the diagnosed cause; then faster stages, of which only the
    most that they can bring is known. One whose gain can't be predicted follows the others if it mends the
    diagnosed cause. Nothing is advised while others take the cores.

    Args:
        facts: means of what was measured.
        diagnosis: what bounds the training.
    """
    if diagnosis.cause is Cause.STARVED:
        # What others leave of the cores decides what a change gains.
        return AdviceSets((), (), ())
    candidates = list(list_candidates(facts))
    known = [one.knobs for one in candidates if one.gain is not None]
    candidates += [one for one in _advise_unpredicted(facts, diagnosis) if one.knobs not in known]
    mending = _list_mending(diagnosis.cause)
    predicted = sorted((one for one in candidates if one.gain is not None), key=_get_gain, reverse=True)
    worth = [one for one in predicted if _is_worth(one)]
    useless = [one for one in predicted if _get_gain(one) <= WORTH]
    unclear = [one for one in predicted if _get_gain(one) > WORTH and not _is_worth(one)]
    # Sorting is stable: the order of gain holds inside each group.
    preferred = sorted(worth, key=lambda one: (not _has_option(facts, one), one.kind not in mending))
    unpredicted = [one for one in candidates if one.gain is None and one.kind in mending]
    chosen = sorted(preferred[:MOST_ADVICE], key=lambda one: (not _has_option(facts, one), -_get_gain(one)))
    advised = [*chosen, *unpredicted][:MOST_ADVICE]
    return AdviceSets(tuple(advised), tuple(useless[:MOST_USELESS]), tuple(unclear))


def _get_gain(advice: Advice) -> float:
    return advice.gain.median if advice.gain else 0.0


def _has_option(facts: Facts, advice: Advice) -> bool:
    """Return True if an option of the command makes the change, so that it can be verified."""
    return bool(advice.knobs) or advice.family != facts.setup.family


def _is_worth(advice: Advice) -> bool:
    gain = advice.gain
    return gain is not None and gain.median > WORTH and (gain.low is None or gain.low > 1)


def _list_mending(cause: Cause) -> Sequence[str]:
    """Return the kinds of changes that mend a cause, whatever they gain."""
    return {
        Cause.START_UP: ("start method", "persistent", "workers"),
        Cause.FEW_WORKERS: ("workers",),
        Cause.MANY_WORKERS: ("workers", "threads"),
        Cause.TRANSFER: ("pinning",),
        Cause.STRAGGLERS: ("in order", "prefetch"),
        Cause.FETCH: ("workers",),
        Cause.TRANSFORM: ("workers",),
        Cause.COLLATE: ("workers",),
    }.get(cause, ())


def _advise_unpredicted(facts: Facts, diagnosis: Diagnosis) -> list[Advice]:
    """Return changes for the diagnosed cause where no replay can be trusted, and none is predicted."""
    setup = facts.setup
    if facts.predictor.is_trusted or not setup.has_dataloader:
        return []
    error = facts.predictor.error
    reason = (
        "No gain is predicted, as the loading wasn't seen from the inside."
        if error is None
        else f"No gain is predicted, as a replay misses the measured speed by {abs(error):.0%}."
    )
    cores = max(1, int(setup.cores))
    found: list[Advice] = []
    if diagnosis.cause is Cause.FEW_WORKERS:
        enough = find_enough_workers(facts)
        number = cores if enough is None or enough.num_workers is None else enough.num_workers
        found.append(make_worker_change(setup, number))
    elif diagnosis.cause in (Cause.FETCH, Cause.TRANSFORM, Cause.COLLATE) and setup.num_workers < cores:
        found.append(make_worker_change(setup, cores))
    elif diagnosis.cause is Cause.START_UP and setup.num_workers and not setup.persistent_workers:
        knobs = {"persistent_workers": True}
        found.append(Advice("persistent_workers=True", "persistent", None, setup.family, knobs))
    elif diagnosis.cause is Cause.STRAGGLERS and setup.num_workers > 1 and setup.in_order:
        found.append(Advice("in_order=False", "in order", None, setup.family, {"in_order": False}))
    return [replace(one, note=f"{reason} {one.note}".rstrip()) for one in found]
