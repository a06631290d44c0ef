"""GatherRing: a ring of batches of any form, gathered from rows in memory."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from loaders.data.decoded_samples import DecodedSamples
from loaders.native.torch_team import has_team
from loaders.ring.gather_slot import GatherSlot
from loaders.ring.row_copier import RowCopier


class GatherRing:
    """Ring of batches that any number of threads gather and one thread takes in order.

    Batch n is valid until batch n+2 is taken. The thread that takes batches also asks the sampler for
    indices, as a DataLoader does.

    Args:
        samples: the samples.
        prefetch: batches that are gathered ahead; 0 if no thread helps.
        rows: samples in a usual batch.
        pin: whether the memory of the batches is page-locked.
    """

    def __init__(self, samples: DecodedSamples, *, prefetch: int, rows: int, pin: bool) -> None:
        self._samples = samples
        self._copier = RowCopier(samples.columns)
        # The batch in use, the one before it, and those that are gathered meanwhile.
        self._slots = [GatherSlot(samples.format, pin=pin) for _ in range(2 + prefetch)]
        for slot in self._slots:
            slot.reserve(rows)
        self._changed = threading.Condition()
        self._failures: list[Exception] = []
        self._start_over(iter(()))

    def begin(self, asked: Iterator[Any]) -> None:
        """Begin an epoch.

        Args:
            asked: yields the indices of each batch.
        """
        for slot in self._slots:
            slot.mark_written()
        self._start_over(asked)
        self._together = has_team()

    def take(self) -> Any:
        """Return the next batch, and gather batches meanwhile; None at the end of the epoch."""
        count = len(self._slots)
        batch = self._taken
        # From now on the batch before the last one may be overwritten.
        self._slots[(batch - 2) % count].mark_written()
        while not self._ended and self._asked < batch - 1 + count:
            self._ask()
        if batch == self._asked:
            return None
        self._taken += 1
        while not self._is_ready(batch):
            if not self._fill_one(helper=False):
                with self._changed:
                    self._changed.wait_for(lambda: self._is_ready(batch))
        slot = batch % count
        return self._slots[slot].get_batch(len(self._indices[slot]))

    def help(self) -> None:
        """Gather batches until `stop` is called; the work of a helper thread."""
        try:
            while not self._stopped:
                if not self._fill_one(helper=True):
                    with self._changed:
                        self._changed.wait_for(lambda: self._stopped or self._next < self._asked)
        except Exception as error:
            # The training thread would wait for this thread's batch for ever; `take` raises the error there.
            with self._changed:
                self._failures.append(error)
                self._changed.notify_all()

    def stop(self) -> None:
        """Let the helper threads return."""
        with self._changed:
            self._stopped = True
            self._changed.notify_all()

    def _start_over(self, asked: Iterator[Any]) -> None:
        self._asked_for = asked
        # The number of batches that were taken, begun, and asked for.
        self._taken = self._next = self._asked = 0
        self._ended = self._stopped = self._together = False
        self._failures.clear()
        self._indices: list[NDArray[np.int64]] = [np.empty(0, np.int64)] * len(self._slots)
        self._ready = [0] * len(self._slots)

    def _ask(self) -> None:
        """Ask the sampler for the indices of one more batch, whose slot is free."""
        asked = next(self._asked_for, None)
        if asked is None:
            self._ended = True
            return
        indices = read_indices(asked, len(self._samples))
        slot = self._asked % len(self._slots)
        self._slots[slot].reserve(len(indices))
        self._indices[slot] = indices
        with self._changed:
            self._asked += 1
            self._changed.notify()

    def _is_ready(self, batch: int) -> bool:
        if self._failures:
            raise self._failures[0]
        return self._ready[batch % len(self._ready)] == batch + 1

    def _fill_one(self, *, helper: bool) -> bool:
        """Gather the next batch that was asked for; return whether there was one."""
        with self._changed:
            if self._next >= self._asked:
                return False
            batch = self._next
            self._next += 1
        slot = batch % len(self._slots)
        self._gather(self._indices[slot], self._slots[slot], helper=helper)
        with self._changed:
            self._ready[slot] = batch + 1
            self._changed.notify_all()
        return True

    def _gather(self, indices: NDArray[np.int64], slot: GatherSlot, *, helper: bool) -> None:
        self._copier.copy(indices, slot.words, together=self._together and not helper)


def read_indices(asked: Any, samples: int) -> NDArray[np.int64]:
    """Return the indices of a batch as an array.

    Args:
        asked: what a batch sampler yields: a list, a tuple, a tensor or an array of indices.
        samples: the number of samples.

    Raises:
        IndexError: it asks for something else than samples that there are.
    """
    indices = np.asarray(asked)
    if indices.ndim != 1 or not len(indices) or indices.dtype.kind not in "iu":
        raise IndexError(
            f"the batch sampler asks for {asked!r:.60}, expected a list of numbers from 0 to {samples - 1}"
        )
    low, high = indices.min(), indices.max()
    if low < 0 or high >= samples:
        raise IndexError(
            f"the batch sampler asks for sample {low if low < 0 else high}, expected 0 to {samples - 1}"
        )
    return np.ascontiguousarray(indices, np.int64)
