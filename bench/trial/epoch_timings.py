"""EpochTimings: the raw readings of one epoch."""

from __future__ import annotations

from array import array
from dataclasses import dataclass, field


@dataclass(frozen=True)
class EpochTimings:
    """Raw readings of one epoch, in nanoseconds of a monotonic clock.

    The clock starts before `iter(loader)`, where workers start. It stops when the iterator is gone, as an
    epoch of a training loop does. So

        wall = startup + sum(data_wait) + sum(transfer) + sum(step) + drain + teardown + harness

    The harness's part is its own loop and its inspections of batches.

    Attributes:
        start_ns: reading of the clock before `iter()`.
        startup_ns: time in `iter()`.
        data_wait_ns: time in `next()`, one int64 for each batch.
        transfer_ns: time in the transfer to the device, one int64 for each batch; host time on CUDA.
        step_ns: time in the train step, one int64 for each batch; host time on CUDA.
        drain_ns: wait for the device at the end of the epoch.
        teardown_ns: time of the `next()` that finds no more, and of dropping the iterator.
        end_ns: reading of the clock after that.
        samples: number of samples delivered.
        sample_shape: shape of one sample as the step gets it, such as (1, H, W); () without a batch. A sample
            of several tensors has the shape of the largest.
        dtype: dtype of the same tensor, such as `float32`; empty without a batch.
        asked_ns: reading of the clock at which each batch was asked for, minus `start_ns`, one int64 for each
            batch; empty where it was not kept.
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
    asked_ns: array[int] = field(default_factory=lambda: array("q"))

    @property
    def batches(self) -> int:
        """Number of batches delivered."""
        return len(self.data_wait_ns)

    @property
    def wall_ns(self) -> int:
        """Time of the whole epoch."""
        return self.end_ns - self.start_ns

    @property
    def late_ns(self) -> int | None:
        """Time of the second half of the batches: waits, transfers and steps; None without a batch.

        Of an odd number of batches the second half is the larger one.
        """
        if not self.data_wait_ns:
            return None
        half = self.batches // 2
        return sum(sum(times[half:]) for times in (self.data_wait_ns, self.transfer_ns, self.step_ns))

    @property
    def time_to_first_batch_ns(self) -> int | None:
        """Time from before `iter()` to the first batch; None without a batch."""
        return self.startup_ns + self.data_wait_ns[0] if self.data_wait_ns else None
