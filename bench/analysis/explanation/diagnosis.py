"""Diagnosis: which cause bounds a training, and how sure that is."""

from __future__ import annotations

import math
from collections.abc import Sequence

from bench.analysis.explanation.diagnosis_evidence import describe_evidence
from bench.analysis.explanation.explanation import Cause, Diagnosis
from bench.analysis.explanation.facts import Facts
from bench.analysis.explanation.losses import Loss, find_loader_share, find_losses
from bench.analysis.explanation.starvation import are_cores_taken
from bench.analysis.explanation.worker_counts import is_number_of_workers_clear

# An infinitely fast loader that would save less leaves the step as what bounds. Receiving a batch takes half
# a millisecond from any worker, which may be as much of a short step, and no setting of a loader saves it.
MATTERS = 0.15
# A second cause is named from this share on.
SECOND_MATTERS = 0.05
# Others that take cores, or workers that are too many, change every other figure. So they are named first
# from this share on.
NAMED_FIRST = 0.15
# Too many workers are the cause where fewer save this share of what another cause costs. Most of a start-up:
# half of it goes with one of two workers, however long each of them takes. Less of the loading: its work is
# wanted, and the crowd is not.
EXPLAINS_START, EXPLAINS_LOADING = 0.6, 1 / 3
# Others that take cores are surely the cause where they cost this share of what the costliest cause does.
STARVED_EXPLAINS = 1 / 3
# A cause is sure where it costs this share of an epoch, and so many times what any other does. Two shares of
# an epoch that differ by less change places from one measurement to the next.
SURE_SHARE, SURE_TIMES = 0.15, 1.3
# The loader alone is as slow as the step from this share of the step's time on.
ALIKE = 0.90
# The step is surely what bounds where its own ceiling says that no more than this is to be gained.
SURE_POSSIBLE = 1.12
WHERE_LOADING_IS_SEEN = frozenset({Cause.FETCH, Cause.TRANSFORM, Cause.COLLATE, Cause.FEW_WORKERS})


def diagnose(facts: Facts) -> Diagnosis:
    """Find the cause that bounds a training.

    Args:
        facts: means of what was measured.
    """
    losses = find_losses(facts)
    first = _choose(facts, losses)
    rivals = [loss for loss in losses if loss is not first and not _overlap(first.cause, loss.cause)]
    second = next((loss.cause for loss in rivals if loss.cause is not first.cause), None)
    second_share = max((loss.share for loss in rivals if loss.cause is second), default=0.0)
    return Diagnosis(
        cause=first.cause,
        stage=first.stage,
        is_sure=_is_sure(facts, first, losses),
        evidence=describe_evidence(facts, first),
        second=second if second_share >= SECOND_MATTERS and second is not Cause.UNDECIDED else None,
        loss=_find_loss(facts, first),
    )


def _choose(facts: Facts, losses: Sequence[Loss]) -> Loss:
    """Return the cause that bounds.

    1. Others that take cores, where they cost much.
    2. The step, where a faster loader would save little; `balanced` where the loader alone is as slow.
    3. Too many workers or threads, where fewer save much, beside what the costliest other cause costs.
    4. The costliest of the others.
    """
    starved = _find(losses, Cause.STARVED)
    if starved is not None and starved.share >= NAMED_FIRST:
        return starved
    if find_loader_share(facts) < MATTERS and facts.has_step:
        step = facts.find_share(facts.step_s)
        return Loss(Cause.BALANCED if _is_balanced(facts) else Cause.STEP, step)
    others = [loss for loss in losses if loss.cause not in (Cause.MANY_WORKERS, Cause.STARVED)]
    many = _find(losses, Cause.MANY_WORKERS)
    if many is not None and many.share >= max([NAMED_FIRST, *map(_find_least_of_many, others)]):
        return many
    return others[0] if others else Loss(Cause.UNDECIDED, find_loader_share(facts))


def _find(losses: Sequence[Loss], cause: Cause) -> Loss | None:
    return next((loss for loss in losses if loss.cause is cause), None)


def _find_least_of_many(other: Loss) -> float:
    """Return the share that fewer workers have to save, so that not another cause is named."""
    is_around = other.cause in (Cause.START_UP, Cause.TRANSPORT, Cause.TRANSFER)
    return other.share * (EXPLAINS_START if is_around else EXPLAINS_LOADING)


def _is_balanced(facts: Facts) -> bool:
    """Return True if the loader alone is as slow as the step, so that only both together can be faster."""
    step_s = facts.step_s + facts.transfer_s
    return facts.setup.num_workers > 0 and facts.loader_s is not None and facts.loader_s >= ALIKE * step_s


def _overlap(first: Cause, other: Cause) -> bool:
    """Return True if one of two causes holds what the other costs, so that they are no rivals."""
    if Cause.STARVED in (first, other):
        return True
    return Cause.MANY_WORKERS in (first, other)


def _is_sure(facts: Facts, first: Loss, losses: Sequence[Loss]) -> bool:
    if first.cause is Cause.UNDECIDED or (first.cause is not Cause.STARVED and are_cores_taken(facts)):
        return False
    if first.cause in (Cause.STEP, Cause.BALANCED):
        possible = facts.find_mean(lambda one: one.batch_s / one.alone_wall_s if one.alone_wall_s else None)
        return possible is not None and possible < SURE_POSSIBLE
    if first.cause is Cause.STARVED:
        # Others make each other cause cost more. Where they cost little of it, they aren't what bounds.
        most = max((loss.share for loss in losses if loss is not first), default=0.0)
        return facts.delayed_share is not None and first.share >= STARVED_EXPLAINS * most
    # By counting bounds only, these are likely at most.
    if first.cause in (Cause.FEW_WORKERS, Cause.MANY_WORKERS) and not _is_seen(facts, first):
        return False
    if first.cause in WHERE_LOADING_IS_SEEN and not is_number_of_workers_clear(facts):
        return False
    rivals = (loss for loss in losses if loss is not first and not _overlap(first.cause, loss.cause))
    largest = max((loss.share for loss in rivals), default=0.0)
    if first.cause is not Cause.TRANSFORM:
        # Several transforms may cost more than it, each of which costs less.
        transforms = math.fsum(loss.share for loss in losses if loss.cause is Cause.TRANSFORM)
        largest = max(largest, transforms)
    return first.share >= SURE_SHARE and first.share >= SURE_TIMES * largest


def _is_seen(facts: Facts, first: Loss) -> bool:
    """Return True if a replay that is trusted, or a trial, tells what another number of workers does."""
    if facts.predictor.is_trusted:
        return True
    threads = [{"num_threads": number} for number in facts.predictor.tried_threads]
    changes = threads if first.num_workers is None else [{"num_workers": first.num_workers}]
    gains = [facts.predictor.predict(**change) for change in changes]
    return any(gain is not None and gain.low is not None and gain.low > 1 for gain in gains)


def _find_loss(facts: Facts, first: Loss) -> float | None:
    """Return the share of an epoch that would be saved without the cause."""
    if first.cause is Cause.BALANCED:
        return None
    keys = [
        stage.key
        for stage in facts.stages
        if first.cause in WHERE_LOADING_IS_SEEN
        and stage.stage == first.cause.value.removesuffix(" bound")
        and first.stage in ("", stage.name)
    ]
    if keys:
        saving = facts.find_saving(without=set(keys))
        if saving is not None:
            return max(first.share, min(1.0, saving))
    return min(1.0, first.share)
