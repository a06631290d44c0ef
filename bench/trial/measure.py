"""Measure one epoch: the time of each part, from asking for the iterator to losing it."""

from __future__ import annotations

import time
from array import array
from collections.abc import Callable, Iterable

import torch

from bench.trial.epoch_timings import EpochTimings
from loaders.data.batch import Batch

Clock = Callable[[], int]
Consumer = Callable[[torch.Tensor, torch.Tensor], None]
Inspector = Callable[[torch.Tensor, torch.Tensor, int], int]


def measure_epoch(
    loader: Iterable[Batch],
    step: Consumer,
    *,
    transfer: Callable[[Batch], Batch] | None = None,
    synchronize: Callable[[], None] | None = None,
    inspector: Inspector | None = None,
    clock: Clock = time.perf_counter_ns,
) -> EpochTimings:
    """Feed one epoch of a loader to a step and time its parts.

    Args:
        loader: delivers the batches.
        step: takes the images and labels of each batch.
        transfer: moves a batch to the device; None if the loader delivers it there.
        synchronize: waits for the device. It is called before the clock starts and at the end of the epoch.
            One call a batch would keep the device from working beside the host.
        inspector: takes the images and labels of a delivered batch after its step, and the nanoseconds since
            the start. It returns the nanoseconds since the start from which on it wants another batch.
        clock: a monotonic clock in nanoseconds.
    """
    stamps: list[tuple[int, int, int, int]] = []
    keep = stamps.append
    samples = 0
    images: torch.Tensor | None = None
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
            delivered = images, labels = next(batches)
        except StopIteration:
            break
        arrived = moved = clock()
        if transfer is not None:
            images, labels = transfer((images, labels))
            moved = clock()
        step(images, labels)
        done = clock()
        # One append a batch, and numel(), which takes a quarter of the time of len(). Differences are taken
        # after the epoch.
        keep((asked, arrived, moved, done))
        samples += labels.numel()
        if done >= inspect_at and inspector is not None:
            inspect_at = start + inspector(*delivered, done - start)
        asked = clock()
    exhausted = clock()
    if synchronize is not None:
        synchronize()
    drained = clock() if synchronize is not None else exhausted
    del batches
    end = clock()
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
        sample_shape=() if images is None else tuple(images.shape[1:]),
        dtype="" if images is None else str(images.dtype).removeprefix("torch."),
    )
