"""HandTimes: the way of a batch from its worker to the training loop."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from bench.analysis.evidence import LoaderSetup
from bench.analysis.replay.ladder_times import LadderTimes
from bench.records.batch_trace import BatchTrace

# A batch that was received before its turn is handed out faster than this.
STORED_S = 30e-6
# Batches that tell a time apart from chance.
FEWEST = 3
# A worker turns from one batch to the next within this time where it has a core.
LONGEST_TURN_S = 0.5e-3


@dataclass(frozen=True)
class HandTimes:
    """The way of a batch from its worker to the training loop.

    Attributes:
        hand_s: seconds to receive a batch; without workers, the loader's own seconds around its loading.
        latency_s: seconds from the end of a batch's loading until it can be received.
        turn_s: seconds of a worker from the end of a batch to the begin of the next one that it was told of.
        has_receiver: whether a thread beside the training loop receives batches.
        order_s: seconds of `hand_s` in which the sampler names the samples of another batch; default 0.
    """

    hand_s: float
    latency_s: float = 0.0
    turn_s: float = 0.0
    has_receiver: bool = False
    order_s: float = 0.0


# The way from workers where there are none: a message through a pipe, and some files of shared memory to map.
ASSUMED = HandTimes(hand_s=0.5e-3, turn_s=0.2e-3)


def read_hand_times(trace: BatchTrace, ladder: LadderTimes, setup: LoaderSetup) -> HandTimes:
    """Read the way of batches from a trace whose inside is known.

    A batch that is waited for arrives after its way and its receipt. A batch that is there already takes its
    receipt only, unless a thread has received it. The rung `transport` holds a receipt, and may hold more. At
    each receipt the sampler is asked for another batch. So the least of these is the receipt, and the rest of
    the first is the way. A usual receipt is assumed where only the first is known, since a training process
    that waits for a core receives late.

    Args:
        trace: the epoch.
        ladder: tells the seconds of the rung `transport`.
        setup: the configuration.
    """
    if not setup.num_workers:
        around_s = max(0.0, float(np.nanmedian(trace.wait_s - trace.load_s)))
        return HandTimes(around_s, order_s=ladder.order_s)
    waited = trace.asked_s < trace.ended_s
    way_s = float(np.median((trace.arrived_s - trace.ended_s)[waited])) if waited.sum() >= FEWEST else None
    margin_s = 1e-3 if way_s is None else max(1e-3, way_s)
    has_receiver = setup.pin_memory and setup.device == "cuda"
    ready = (trace.ended_s + margin_s < trace.asked_s) & (trace.wait_s > STORED_S) & (not has_receiver)
    ready_s = float(np.mean(trace.wait_s[ready])) if ready.sum() >= FEWEST else None
    alone_s = ASSUMED.hand_s if ladder.transport_s is None else ladder.transport_s
    receipt_s = alone_s + ladder.order_s
    if ready_s is not None:
        receipt_s = ready_s if ladder.transport_s is None else min(ready_s, receipt_s)
    hand_s = max(0.0, receipt_s if way_s is None else min(receipt_s, way_s))
    return HandTimes(
        hand_s=hand_s,
        latency_s=0.0 if way_s is None else max(0.0, way_s - hand_s),
        turn_s=_find_turn_s(trace, setup),
        has_receiver=has_receiver,
        order_s=min(hand_s, ladder.order_s),
    )


def _find_turn_s(trace: BatchTrace, setup: LoaderSetup) -> float:
    """Return the seconds of a worker between two batches, the shorter ones: others hold a wait for a core."""
    ahead = setup.num_workers * (setup.prefetch_factor or 1)
    turns = []
    for worker in np.unique(trace.worker):
        own = np.flatnonzero(trace.worker == worker)
        own = own[np.argsort(trace.begun_s[own])]
        for before, batch in pairwise(own):
            # In order, a worker is told of a batch when the one so far before it is handed out. Out of order
            # nobody sees that. The shortest turns are those to batches that were there.
            is_told = (
                not setup.in_order
                or batch < ahead
                or (trace.arrived_s[batch - ahead] < trace.ended_s[before])
            )
            if is_told:
                turns.append(trace.begun_s[batch] - trace.ended_s[before])
    known = np.array(turns)[~np.isnan(turns)] if turns else np.empty(0)
    if len(known) < FEWEST:
        return 0.0
    return float(np.clip(np.quantile(known, 0.1), 0.0, LONGEST_TURN_S))
