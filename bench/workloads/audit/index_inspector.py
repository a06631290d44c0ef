"""IndexInspector: keep what a loader was asked for, and count what it delivered."""

from __future__ import annotations

import time
from typing import Any

from bench.workloads.audit.asked_batches import AskedBatches
from bench.workloads.audit.own_observation import OwnObservation
from bench.workloads.audit.reference_batches import ReferenceBatches
from loaders.data.nested_batch import count_samples

NEVER = 2**62
# Batches with another number of samples than was asked for, of which so many are loaded once more.
MOST_RELOADED = 4


class IndexInspector:
    """Watches an epoch in which nothing but the indices is kept: it looks at no batch."""

    def __init__(self, asked: AskedBatches | None) -> None:
        """Watch a loader.

        Args:
            asked: the batches that it was asked for; None for a loader without indices.
        """
        self._asked = asked

    def start_over(self) -> None:
        """Do nothing: a new epoch has a new record of indices."""

    def __call__(self, batch: Any, elapsed_ns: int) -> int:
        """Ask for no further batch."""
        del batch, elapsed_ns
        return NEVER

    def observe(self, batches: int, samples: int) -> OwnObservation:
        """Return the observation of an epoch."""
        return OwnObservation(batches, samples, None if self._asked is None else self._asked.summarise())


class FormInspector:
    """Counts the samples of each batch by its form, off the clock, and compares them with the indices.

    A collate function may leave samples out, or give batches a form that tells another number. So a batch
    with another number than was asked for is loaded once more. Only where that one has all of them is it a
    fault.
    """

    def __init__(self, asked: AskedBatches, reference: ReferenceBatches) -> None:
        """Prepare to count.

        Args:
            asked: the batches that the loader was asked for.
            reference: loads them once more.
        """
        self._asked = asked
        self._reference = reference
        self.start_over()

    def start_over(self) -> None:
        """Begin a new epoch."""
        self._counts: list[int] = []

    def __call__(self, batch: Any, elapsed_ns: int) -> int:
        """Count a batch; return 0 for another one at once."""
        del elapsed_ns
        self._counts.append(count_samples(batch))
        return 0

    def observe(self, batches: int, samples: int) -> OwnObservation:
        """Return the observation of an epoch."""
        ended_ns = time.perf_counter_ns()
        asked = self._asked.summarise()
        return OwnObservation(batches, samples, asked, fault=self._find_fault(), ended_ns=ended_ns)

    def _find_fault(self) -> str:
        if not self._asked.batched or not self._asked.in_order:
            return ""
        asked = self._asked.record.asked
        sizes = [len(self._asked.list_indices(indices)) for indices in asked[: len(self._counts)]]
        odd = [
            number
            for number, (count, size) in enumerate(zip(self._counts, sizes, strict=False))
            if count != size
        ][:MOST_RELOADED]
        if not odd:
            return ""
        for number, batch in zip(odd, self._reference.load([asked[number] for number in odd]), strict=True):
            if count_samples(batch) == sizes[number]:
                return (
                    f"batch {number:,} holds {self._counts[number]:,} samples of the {sizes[number]:,} that "
                    "were asked for"
                )
        return ""
