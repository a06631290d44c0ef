"""Inside: where the loading of a traced epoch spends its time, in the training process and in workers."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from bench.records.batch_trace import IN_TRAINING_PROCESS, BatchTrace

# Where the queue can't be followed, this percentile of a worker's pauses is taken for handing on, as a worker
# that has its next index at once pauses no longer. What exceeds it is idleness.
SHORT_PAUSE = 10


@dataclass(frozen=True)
class StageTime:
    """Seconds of one stage in one traced epoch.

    Attributes:
        name: name of the stage, for a transform its own.
        stage: kind of the stage.
        epoch_s: seconds an epoch, of all batches and for workers of all workers.
    """

    name: str
    stage: str
    epoch_s: float


def split_loading(trace: BatchTrace, chosen: np.ndarray | None = None) -> list[StageTime]:
    """Return the seconds of fetch, each transform and collate.

    Args:
        trace: a traced epoch whose inside is known.
        chosen: which batches count, shape (batches,), bool; default all.
    """
    take = _is_seen(trace) if chosen is None else _is_seen(trace) & chosen
    transforms = np.nan_to_num(trace.transform_s)
    fetch = trace.fetched_s - trace.begun_s - transforms.sum(axis=1)
    return [
        StageTime("fetch", "fetch", float(fetch[take].sum())),
        *(
            StageTime(name, "transform", float(transforms[take, place].sum()))
            for place, name in enumerate(trace.transforms)
        ),
        StageTime("collate", "collate", float(trace.collate_s[take].sum())),
    ]


def split_wait(trace: BatchTrace) -> list[StageTime]:
    """Split the waits of an epoch that is loaded in the training process. They sum to all its waits.

    Args:
        trace: a traced epoch without workers whose inside is known.
    """
    seen = _is_seen(trace)
    order = (trace.begun_s - trace.asked_s)[seen]
    rest = (trace.arrived_s - trace.ended_s)[seen].sum() + trace.wait_s[~seen].sum()
    return [
        StageTime("order", "order", float(order.sum())),
        *split_loading(trace),
        StageTime("DataLoader", "DataLoader", float(rest)),
    ]


def split_workers(
    trace: BatchTrace, num_workers: int, prefetch_factor: int, in_order: bool
) -> list[StageTime]:
    """Split the time of all workers. The stages sum to the epoch's wall time for each worker.

    A worker starts, loads, hands on, and is idle while it has no index to load. In order, it gets the index
    of batch k as batch k - prefetch_factor * num_workers arrives.

    Args:
        trace: a traced epoch with workers whose inside is known.
        num_workers: number of workers.
        prefetch_factor: batches that each worker loads ahead.
        in_order: whether batches are delivered in the sampler's order.
    """
    start_s = handing_s = idle_s = 0.0
    seen = _is_seen(trace)
    for worker in range(num_workers):
        mine = np.flatnonzero(seen & (trace.worker == worker))
        if not len(mine):
            idle_s += trace.wall_s
            continue
        mine = mine[np.argsort(trace.begun_s[mine], kind="stable")]
        start_s += float(trace.begun_s[mine[0]])
        free_s, next_s = trace.ended_s[mine[:-1]], trace.begun_s[mine[1:]]
        pauses = np.maximum(next_s - free_s, 0.0)
        if in_order:
            sent_s = _find_sent_s(trace, mine[1:], prefetch_factor * num_workers)
            unsent = np.clip(sent_s - free_s, 0.0, pauses)
        else:
            unsent = pauses - np.percentile(pauses, SHORT_PAUSE) if len(pauses) else pauses
            unsent = np.maximum(unsent, 0.0)
        idle_s += float(unsent.sum() + trace.wall_s - trace.ended_s[mine[-1]])
        handing_s += float((pauses - unsent).sum())
    return [
        StageTime("start", "start", start_s),
        *split_loading(trace),
        StageTime("handing on", "handing on", handing_s),
        StageTime("idle", "idle", idle_s),
    ]


def find_way_s(trace: BatchTrace) -> np.ndarray:
    """Return the seconds that the training waited for each batch which was loaded already, shape (batches,).

    This is the way of the batch from its worker, as far as the training waited for it. The wait for the first
    batch belongs to the start, so it counts as 0. So does a batch that wasn't seen.
    """
    way = trace.arrived_s - np.maximum(trace.ended_s, trace.asked_s)
    way = np.asarray(np.clip(np.nan_to_num(way), 0.0, None))
    way[:1] = 0.0
    way[trace.worker == IN_TRAINING_PROCESS] = 0.0
    return way


def find_loading_wait_s(trace: BatchTrace) -> np.ndarray:
    """Return the seconds that the training waited for the loading of each batch, shape (batches,).

    The wait for the first batch belongs to the start, so it counts as 0.
    """
    waits = np.asarray(trace.wait_s - find_way_s(trace))
    waits[:1] = 0.0
    return waits


def _is_seen(trace: BatchTrace) -> np.ndarray:
    seen: np.ndarray = ~(np.isnan(trace.begun_s) | np.isnan(trace.fetched_s) | np.isnan(trace.ended_s))
    return seen


def _find_sent_s(trace: BatchTrace, batches: np.ndarray, ahead: int) -> np.ndarray:
    """Return the time at which each batch's index was sent to its worker; 0 for those sent at the start."""
    earlier = batches - ahead
    return np.where(earlier >= 0, trace.arrived_s[np.maximum(earlier, 0)], 0.0)
