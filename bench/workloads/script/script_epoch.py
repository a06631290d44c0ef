"""ScriptEpoch: one pass of a script over its DataLoader, timed from the inside of its own loop."""

from __future__ import annotations

import time
from array import array
from collections.abc import Callable, Iterator
from typing import Any

from bench.trial.epoch_timings import EpochTimings
from bench.workloads.audit.quick_count import make_counter
from loaders.data.nested_batch import describe_samples

Clock = Callable[[], int]


class ScriptEpoch:
    """The iterator that a script's loop gets for that of its DataLoader.

    It takes two readings of the clock a batch. The time in `next()` is the wait for data. The time until the
    following `next()` is the body of the loop. A script usually drops the iterator when its epoch is over.

    Attributes:
        batches: number of batches so far.
        samples: number of samples in them.
        is_exhausted: whether `next()` has found no more.
    """

    def __init__(
        self,
        make: Callable[[], Iterator[Any]],
        when_gone: Callable[[ScriptEpoch], None],
        *,
        synchronize: Callable[[], None],
        count: Callable[[Any], int] | None = None,
        clock: Clock = time.perf_counter_ns,
    ) -> None:
        """Start the epoch.

        Args:
            make: makes the DataLoader's own iterator.
            when_gone: called once the script has dropped this one, unless it was closed before.
            synchronize: waits for the device, if there is one.
            count: returns the number of samples of a batch; default None for counting them by its form.
            clock: a monotonic clock in nanoseconds.
        """
        self.samples = 0
        self._clock, self._synchronize = clock, synchronize
        self._when_gone: Callable[[ScriptEpoch], None] | None = when_gone
        self._stamps: list[tuple[int, int]] = []
        self._keep = self._stamps.append
        # No method of this object, which would be dropped late then.
        self._count = count
        self._form: tuple[tuple[int, ...], str] | None = None
        self._asked_last_ns = self._exhausted_ns = 0
        synchronize()
        self._start_ns = clock()
        self._inner: Iterator[Any] | None = make()
        self._take = self._inner.__next__
        self._started_ns = clock()

    @property
    def batches(self) -> int:
        """Number of batches so far."""
        return len(self._stamps)

    @property
    def is_exhausted(self) -> bool:
        """True once `next()` has found no more."""
        return self._exhausted_ns != 0

    def __iter__(self) -> ScriptEpoch:
        return self

    def __next__(self) -> Any:
        clock = self._clock
        asked = clock()
        try:
            batch = self._take()
        except StopIteration:
            if not self.is_exhausted:
                self._asked_last_ns, self._exhausted_ns = asked, clock()
            raise
        self._keep((asked, clock()))
        if self._form is None:
            self._form = describe_samples(batch)
            self._count = self._count or make_counter(batch)
        self.samples += self._count(batch)  # type: ignore[misc]
        return batch

    def __getattr__(self, name: str) -> Any:
        # A loop may ask DataLoader's own iterator for more than batches.
        if name == "_inner":
            raise AttributeError(name)
        return getattr(self._inner, name)

    def __del__(self) -> None:
        when_gone, self._when_gone = self.__dict__.get("_when_gone"), None
        if when_gone is not None:
            when_gone(self)

    def close(self, *, gone: bool, stepped_ns: int = 0) -> EpochTimings:
        """End the epoch and return its timings.

        Args:
            gone: whether the script has dropped the iterator, which ends its workers; False for one that it
                keeps, and whose further batches aren't timed.
            stepped_ns: reading of the clock when an optimizer last made a step; 0 for never.
        """
        self._when_gone = None
        closed_ns = self._clock()
        self._synchronize()
        drain_ns = self._clock() - closed_ns
        body_end_ns = self._find_body_end(closed_ns, stepped_ns)
        teardown_ns = self._drop_inner() if gone else 0
        end_ns = body_end_ns + drain_ns + teardown_ns
        search_ns = self._exhausted_ns - self._asked_last_ns
        sample_shape, dtype = self._form or ((), "")
        ends = [asked for asked, _ in self._stamps[1:]] + [body_end_ns - search_ns]
        return EpochTimings(
            start_ns=self._start_ns,
            startup_ns=self._started_ns - self._start_ns,
            data_wait_ns=array("q", (arrived - asked for asked, arrived in self._stamps)),
            transfer_ns=array("q", [0] * len(self._stamps)),
            # A loop that looks a batch ahead trains on its last one after `next()` has found no more.
            step_ns=array(
                "q", (end - arrived for end, (_, arrived) in zip(ends, self._stamps, strict=False))
            ),
            drain_ns=drain_ns,
            teardown_ns=search_ns + teardown_ns,
            end_ns=end_ns,
            samples=self.samples,
            sample_shape=sample_shape,
            dtype=dtype,
            asked_ns=array("q", (asked - self._start_ns for asked, _ in self._stamps)),
        )

    def is_complete(self, length: int | None) -> bool:
        """Return whether the DataLoader's last batch was delivered.

        Args:
            length: number of batches of the DataLoader; None where it isn't known.
        """
        return self.is_exhausted or (length is not None and self.batches >= length)

    def _find_body_end(self, closed_ns: int, stepped_ns: int) -> int:
        """Return the reading of the clock at the end of the last body of the loop.

        A script that keeps the iterator goes on to other things, such as saving its model. Its optimizer's
        last step tells where the body ended.
        """
        if self._stamps and stepped_ns > max(self._exhausted_ns, self._stamps[-1][1]):
            return stepped_ns
        # With steps in this epoch but none after it, the loop has looked no batch ahead.
        return self._exhausted_ns if self.is_exhausted and stepped_ns > self._start_ns else closed_ns

    def _drop_inner(self) -> int:
        """Drop the DataLoader's own iterator, and return the nanoseconds that this took."""
        began_ns = self._clock()
        del self._take
        self._inner = None
        return self._clock() - began_ns
