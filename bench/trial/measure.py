"""Measure one epoch: the time of each part, from asking for the iterator to losing it."""

from __future__ import annotations

import time
from array import array
from collections.abc import Callable
from typing import Any

from bench.trial.epoch_timings import EpochTimings
from loaders.data.nested_batch import count_samples, describe_samples
from loaders.device.pipeline import Pipeline

Clock = Callable[[], int]
Consumer = Callable[[Any], object]
Inspector = Callable[[Any, int], int]


def measure_epoch(
    pipeline: Pipeline,
    step: Consumer,
    *,
    count: Callable[[Any], int] = count_samples,
    synchronize: Callable[[], None] | None = None,
    inspector: Inspector | None = None,
    clock: Clock = time.perf_counter_ns,
) -> EpochTimings:
    """Feed one epoch of a pipeline to a step and time its parts.

    Args:
        pipeline: delivers the batches, and moves them to the device.
        step: takes each batch.
        count: returns the number of samples of a batch.
        synchronize: waits for the device. It is called before the clock starts and at the end of the epoch.
            One call a batch would keep the device from working beside the host.
        inspector: takes a delivered batch after its step, and the nanoseconds since the start. It returns the
            nanoseconds since the start from which on it wants another batch.
        clock: a monotonic clock in nanoseconds.
    """
    stamps: list[tuple[int, int, int, int]] = []
    keep = stamps.append
    samples = 0
    batch: Any = None
    loader, transfer = pipeline.loader, pipeline.transfer
    if synchronize is not None:
        synchronize()
    start = clock()
    batches = iter(loader)
    started = clock()
    asked = started
    # A comparison in every batch takes a tenth of the time of a call.
    inspect_at = start
    while True:
        try:
            delivered = batch = next(batches)
        except StopIteration:
            break
        arrived = moved = clock()
        if transfer is not None:
            batch = transfer(delivered)
            moved = clock()
        step(batch)
        done = clock()
        # One append a batch. Differences are taken after the epoch.
        keep((asked, arrived, moved, done))
        samples += count(batch)
        if done >= inspect_at and inspector is not None:
            inspect_at = start + inspector(delivered, done - start)
        asked = clock()
    exhausted = clock()
    if synchronize is not None:
        synchronize()
    drained = clock() if synchronize is not None else exhausted
    del batches
    end = clock()
    sample_shape, dtype = describe_samples(batch)
    return EpochTimings(
        start_ns=start,
        startup_ns=started - start,
        data_wait_ns=array("q", (arrived - asked for asked, arrived, _, _ in stamps)),
        transfer_ns=array("q", (moved - arrived for _, arrived, moved, _ in stamps)),
        step_ns=array("q", (done - moved for _, _, moved, done in stamps)),
        drain_ns=drained - exhausted,
        teardown_ns=(exhausted - asked) + (end - drained),
        end_ns=end,
        samples=samples,
        sample_shape=sample_shape,
        dtype=dtype,
        asked_ns=array("q", (asked - start for asked, _, _, _ in stamps)),
    )
