"""ContentInspector: compare delivered batches with what the dataset holds at their indices."""

from __future__ import annotations

import random
import time
from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Any

from bench.process.memory_watch import OFF_CLOCK_INTERVAL_S
from bench.workloads.audit.asked_batches import AskedBatches
from bench.workloads.audit.batch_difference import Leaf, copy_leaves, find_difference
from bench.workloads.audit.comparison_budget import ComparisonBudget
from bench.workloads.audit.own_observation import OwnObservation
from bench.workloads.audit.reference_batches import ReferenceBatches
from loaders.data.nested_batch import count_bytes

# Memory of the batches that are kept until the epoch is over. Comparing them starts a worker, whose memory
# would be taken for the loader's.
MOST_BYTES = 256 * 2**20
# Number of batches that are compared in the order of the epoch.
TOGETHER = 16
# Workers that stay are read once more within this time.
LAST_READING_S = 2 * OFF_CLOCK_INTERVAL_S
# A batch that differs is loaded so many times more, to tell a fault from a transform that is seldom applied.
RELOADED = 10
# Fewest repetitions of a slow batch, and seconds after which no further one begins.
LEAST_RELOADED, RELOADING_S = 3, 5.0
# Indices that an error names.
NAMED_INDICES = 4


@dataclass(frozen=True)
class _Held:
    """A delivered batch that waits for its comparison."""

    number: int
    leaves: list[Leaf]


class ContentInspector:
    """Compares delivered batches with what the dataset holds at their indices, off the clock.

    Batch n is the n-th that was asked for. Where batches may overtake each other, it is one of the first that
    were asked for. Where not all of them can be kept, those of an order are drawn at random.
    """

    def __init__(
        self,
        asked: AskedBatches,
        reference: ReferenceBatches,
        budget: ComparisonBudget | None = None,
        *,
        most_bytes: int = MOST_BYTES,
    ) -> None:
        """Prepare to compare.

        Args:
            asked: the batches that the loader was asked for.
            reference: loads them once more.
            budget: time that this may take; default None for the usual one.
            most_bytes: most memory of the batches that are kept; default MOST_BYTES.
        """
        self._asked = asked
        self._reference = reference
        self._budget = budget or ComparisonBudget()
        self._most_bytes = most_bytes
        self._random = random.Random(0)
        self.start_over()

    def start_over(self) -> None:
        """Begin a new epoch."""
        self._budget.start_over()
        self._held: list[_Held] = []
        self._held_bytes = 0
        self._is_full = False
        self._number = 0
        self._compared = 0
        self._fault = ""

    def __call__(self, batch: Any, elapsed_ns: int) -> int:
        """Take a delivered batch, and return 0 for another one at once."""
        del elapsed_ns
        number, self._number = self._number, self._number + 1
        self._held_bytes += 0 if self._is_full else count_bytes(batch)
        self._is_full |= self._held_bytes > self._most_bytes and bool(self._held)
        if not self._is_full:
            self._held.append(_Held(number, copy_leaves(batch)))
        elif self._asked.in_order and (place := self._random.randrange(number + 1)) < len(self._held):
            self._held[place] = _Held(number, copy_leaves(batch))
        return 0

    def observe(self, batches: int, samples: int) -> OwnObservation:
        """Compare the batches that were kept, and return the observation of the epoch."""
        ended_ns = time.perf_counter_ns()
        if self._reference.keeps_workers:
            time.sleep(LAST_READING_S)
        held, self._held = self._held, []
        asked = self._asked.record.asked
        if len(asked) < self._number:
            self._fault = f"batch {len(asked):,} was delivered and never asked for"
        elif self._asked.in_order:
            self._random.shuffle(held)
            self._compare_in_order(held, asked)
        else:
            self._find_among_asked(held, asked)
        return OwnObservation(
            batches, samples, self._asked.summarise(), self._compared, self._fault, ended_ns=ended_ns
        )

    def _compare_in_order(self, held: list[_Held], asked: list[Any]) -> None:
        # There may be no time for all, so they come at random. Within a part they are in the order of the
        # epoch, in which many datasets are read faster.
        parts = [held[start : start + TOGETHER] for start in range(0, len(held), TOGETHER)]
        held = [one for part in parts for one in sorted(part, key=lambda one: one.number)]
        with self._reference.open([asked[one.number] for one in held]) as batches:
            for one in held:
                if not self._budget.fits():
                    return
                with self._spend(is_first=one is held[0]):
                    if not self._is_equal(one, asked[one.number], next(batches)):
                        return
                    self._compared += 1

    def _spend(self, *, is_first: bool) -> AbstractContextManager[None]:
        """Return what takes the time of a `with` block from the budget, but not that of a worker's imports.

        Else a worker that isn't forked would leave no time for a second batch.
        """
        is_start = is_first and self._reference.starts_slowly
        return nullcontext() if is_start else self._budget.spend()

    def _is_equal(self, one: _Held, asked: Any, batch: Any) -> bool:
        """Return whether a batch is what it should be; if it isn't, keep the fault."""
        leaves = copy_leaves(batch)
        difference = find_difference(one.leaves, leaves)
        if not difference:
            return True
        if self._is_stable(asked, leaves):
            named = self._name(asked)
            self._fault = f"batch {one.number:,} isn't what the dataset holds at {named}: {difference}"
        else:
            # Samples vary from call to call after all.
            self._compared = 0
        return False

    def _is_stable(self, asked: Any, expected: list[Leaf]) -> bool:
        """Return whether a batch is the same each time that it is loaded."""
        began_s = time.perf_counter()
        with self._reference.open([asked] * RELOADED) as batches:
            for number, batch in enumerate(batches, start=1):
                if find_difference(copy_leaves(batch), expected):
                    return False
                if number >= LEAST_RELOADED and time.perf_counter() - began_s > RELOADING_S:
                    break
        return True

    def _find_among_asked(self, held: list[_Held], asked: list[Any]) -> None:
        """Compare batches that may have overtaken each other with those that were asked for up to then."""
        open_batches: dict[int, list[Leaf]] = {}
        loaded = 0
        with self._reference.open(asked) as batches:
            for one in held:
                while (found := self._find_equal(one, open_batches)) is None and loaded < len(asked):
                    if not self._budget.fits():
                        return
                    with self._spend(is_first=not loaded):
                        open_batches[loaded] = copy_leaves(next(batches))
                        loaded += 1
                if found is None:
                    self._keep_missing(one, asked, open_batches)
                    return
                del open_batches[found]
                self._compared += 1

    def _keep_missing(self, one: _Held, asked: list[Any], open_batches: Mapping[int, list[Leaf]]) -> None:
        """Keep the fault that a batch is none of those that were asked for.

        Where samples vary from call to call after all, none was compared.
        """
        first = next(iter(open_batches), None)
        if first is None or self._is_stable(asked[first], open_batches[first]):
            self._fault = f"batch {one.number:,} is none of those that were due"
        else:
            self._compared = 0

    def _find_equal(self, one: _Held, open_batches: dict[int, list[Leaf]]) -> int | None:
        equal = (number for number, leaves in open_batches.items() if not find_difference(one.leaves, leaves))
        return next(equal, None)

    def _name(self, asked: Any) -> str:
        indices = self._asked.list_indices(asked)
        named = ", ".join(map(str, indices[:NAMED_INDICES]))
        more = f" and {len(indices) - NAMED_INDICES} more" if len(indices) > NAMED_INDICES else ""
        return f"{'index' if len(indices) == 1 else 'the indices'} {named}{more}"
