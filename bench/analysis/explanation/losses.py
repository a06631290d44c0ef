"""Losses: the share of an epoch that each cause costs."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from bench.analysis.explanation.explanation import Cause
from bench.analysis.explanation.facts import Facts, LoadStage
from bench.analysis.explanation.starvation import find_starved_share
from bench.analysis.explanation.stragglers import find_straggling_share
from bench.analysis.explanation.worker_counts import find_enough_workers, find_fewer_workers
from bench.records.rung_time import ORDER, TRANSFORM

STAGE_CAUSES = {"fetch": Cause.FETCH, "transform": Cause.TRANSFORM, "collate": Cause.COLLATE}
# A transform is named by itself where it takes this share of what all of them take.
NAMED_ALONE = 0.5
# More workers are no cure where a few slow batches cost this share of what more workers would save.
STRAGGLERS_FIRST = 0.5


@dataclass(frozen=True)
class Loss:
    """Cost of one cause.

    Attributes:
        cause: the cause; UNDECIDED for loading of which nothing is seen from the inside.
        share: share of a whole epoch of the training, 0 to 1.
        stage: name of the transform for TRANSFORM, empty for all of them; `order` for FETCH where the sampler
            takes the time; else empty.
        num_workers: the number of workers that would be better, for causes that are about it; default None.
    """

    cause: Cause
    share: float
    stage: str = ""
    num_workers: int | None = None


def find_losses(facts: Facts) -> list[Loss]:
    """Find what each cause costs, the costliest first.

    The shares of start-up, transfer, transport and loading are those of a measured epoch, and do not overlap.
    That of loading is divided: first what a few slow batches cost, then the rest. The rest goes to the number
    of workers where more of them would hide the loading behind the step, else to the stages of the loading by
    the time that they take. What others, or too many workers, cost is told from it by rules of their own.
    """
    losses = [
        Loss(Cause.START_UP, find_start_share(facts)),
        Loss(Cause.TRANSFER, facts.find_share(facts.transfer_s)),
        Loss(Cause.TRANSPORT, find_transport_share(facts)),
        Loss(Cause.STARVED, find_starved_share(facts)),
        *_find_loading_losses(facts),
    ]
    fewer = find_fewer_workers(facts)
    if fewer is not None:
        losses.append(Loss(Cause.MANY_WORKERS, fewer.share, num_workers=fewer.num_workers))
    return sorted((loss for loss in losses if loss.share > 0), key=lambda loss: loss.share, reverse=True)


def find_loader_share(facts: Facts) -> float:
    """Return the share of a whole epoch that an infinitely fast loader and transfer would save."""
    return (
        find_start_share(facts)
        + facts.find_share(facts.transfer_s)
        + facts.find_share(facts.wait_s)
        + find_contention_share(facts)
    )


def find_start_share(facts: Facts) -> float:
    """Return the share of a whole epoch until the first batch and after the last one."""
    # Workers that live on start once in a training, however many epochs it has.
    if facts.setup.persistent_workers and facts.setup.num_workers:
        return 0.0
    return (facts.start_s + facts.teardown_s) / facts.epoch_s


def find_transport_share(facts: Facts) -> float:
    """Return the share of a whole epoch in which loaded batches are on their way and the training waits.

    Where workers are never idle, loading goes on beside it, and a faster way would save nothing.
    """
    share = facts.find_share(facts.way_s)
    return share if facts.idle_share is None else min(share, facts.idle_share)


def find_order_share(facts: Facts) -> float:
    """Return the share of a whole epoch in which the sampler names samples and the training waits.

    Where workers are never idle, loading goes on beside it, and a faster sampler would save nothing.
    """
    share = facts.find_share(facts.order_s)
    return share if facts.idle_share is None else min(share, facts.idle_share)


def find_contention_share(facts: Facts) -> float:
    """Return the share of a whole epoch by which the step is slower beside busy workers than alone."""
    return facts.find_share(facts.contention_s)


def _find_loading_losses(facts: Facts) -> Iterator[Loss]:
    in_training = facts.setup.num_workers == 0
    known_s = math.fsum(stage.batch_s for stage in facts.stages)
    # Without workers the rest of the waiting is the sampler's and the DataLoader's own.
    loading_s = known_s if in_training and known_s else facts.loading_s
    order = find_order_share(facts)
    yield Loss(Cause.FETCH, order, ORDER)
    loading = facts.find_share(loading_s) - (0.0 if in_training and known_s else order)
    share = max(0.0, loading) + find_contention_share(facts)
    stragglers = min(share, find_straggling_share(facts))
    yield Loss(Cause.STRAGGLERS, stragglers)
    rest = max(0.0, share - stragglers)
    enough = find_enough_workers(facts)
    if enough is not None and stragglers < STRAGGLERS_FIRST * enough.share:
        yield Loss(Cause.FEW_WORKERS, enough.share, num_workers=enough.num_workers)
    elif not known_s:
        yield Loss(Cause.UNDECIDED, rest)
    else:
        yield from _divide_by_stages(facts.stages, rest / known_s)


def _divide_by_stages(stages: Sequence[LoadStage], share_per_s: float) -> Iterator[Loss]:
    """Divide the loading by the time of its stages. Transforms of which none stands out count as one."""
    transforms_s = [stage.batch_s for stage in stages if stage.stage == TRANSFORM]
    together_s = math.fsum(transforms_s)
    are_alike = len(transforms_s) > 1 and max(transforms_s) < NAMED_ALONE * together_s
    if are_alike:
        yield Loss(Cause.TRANSFORM, share_per_s * together_s)
    for stage in stages:
        if stage.stage != TRANSFORM:
            yield Loss(STAGE_CAUSES[stage.stage], share_per_s * stage.batch_s)
        elif not are_alike:
            yield Loss(Cause.TRANSFORM, share_per_s * stage.batch_s, stage.name)
