"""Times one epoch: where each nanosecond between asking for the iterator and losing it went."""

from __future__ import annotations

import time
from array import array
from collections.abc import Callable, Iterable
from dataclasses import dataclass

import torch

from loaders.data.batch import Batch

Clock = Callable[[], int]


@dataclass(frozen=True)
class EpochTimings:
    """Raw readings of one epoch, in nanoseconds of a monotonic clock; nothing is summarised.

    The clock starts before `iter(loader)`, because that is where workers start, and stops when the iterator
    is gone, because an epoch of a training loop lasts that long too. So

        wall = startup + sum(data_wait) + sum(transfer) + sum(step) + drain + teardown + the harness's loop

    and the harness's loop holds the looks of a witness, which keeps them under 1% of the wall.

    startup_ns: in `iter()`. data_wait_ns, transfer_ns, step_ns: one entry a batch: blocked in `next()`,
    moving the batch to the device, in the train step. On CUDA the last two are host time; the wait for the
    device at the end of the epoch is `drain_ns`. teardown_ns: the `next()` that finds no more, and dropping
    the iterator. start_ns and end_ns: the clock at both ends.
    """

    start_ns: int
    startup_ns: int
    data_wait_ns: array[int]
    transfer_ns: array[int]
    step_ns: array[int]
    drain_ns: int
    teardown_ns: int
    end_ns: int
    samples: int
    sample_shape: tuple[int, ...]
    dtype: str

    @property
    def wall_ns(self) -> int:
        return self.end_ns - self.start_ns

    @property
    def time_to_first_batch_ns(self) -> int | None:
        """From before `iter()` to the first batch; None where there was none."""
        return self.startup_ns + self.data_wait_ns[0] if self.data_wait_ns else None


def measure_epoch(
    loader: Iterable[Batch],
    step: Callable[[torch.Tensor, torch.Tensor], None],
    *,
    transfer: Callable[[Batch], Batch] | None = None,
    synchronize: Callable[[], None] | None = None,
    witness: Callable[[torch.Tensor, torch.Tensor, int], int] | None = None,
    clock: Clock = time.perf_counter_ns,
) -> EpochTimings:
    """Feed one epoch of `loader` to `step` and time it.

    transfer: moves a batch to the device; None where it is there already, and then takes no time.
    synchronize: waits for the device; it is called once before the clock starts and once at the end, never in
    between, for a synchronisation a batch would stop the device from working beside the host.
    witness: is shown a batch as it was delivered, after its step, with the nanoseconds since the start, and
    returns how many of them there must be before it wants to see another one.
    clock: nanoseconds, monotonic; tests inject their own.
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
    # Compared with in every batch: a call to hear that a witness wants nothing would take ten times as long.
    look_at = start
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
        # One append a batch, and numel rather than the four times slower len: differences are taken after
        # the epoch, so that the loop adds next to nothing.
        keep((asked, arrived, moved, done))
        samples += labels.numel()
        if done >= look_at and witness is not None:
            look_at = start + witness(*delivered, done - start)
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
