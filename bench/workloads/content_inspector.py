"""ContentInspector: compare delivered batches with what the dataset holds at their indices."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from bench.workloads.asked_batches import AskedBatches
from bench.workloads.batch_difference import Leaf, copy_leaves, find_difference
from bench.workloads.comparison_budget import ComparisonBudget
from bench.workloads.own_observation import OwnObservation
from bench.workloads.reference_batches import ReferenceBatches
from loaders.data.nested_batch import count_bytes

# Batches are kept until so many can be loaded once more together, as that may start a worker.
MOST_HELD = 16
# The same, where the start of a worker takes seconds.
MOST_HELD_SLOWLY = 256
MOST_BYTES = 64 * 2**20
# A batch that differs is loaded so many times more, to tell a fault from a transform that is seldom applied.
RELOADED = 10
# Indices that an error names.
NAMED_INDICES = 4


@dataclass(frozen=True)
class _Held:
    """A delivered batch that waits for its comparison."""

    number: int
    leaves: list[Leaf]


class ContentInspector:
    """Compares delivered batches with what the dataset holds at their indices, off the clock.

    Batch n is the n-th that was asked for. Where batches may overtake each other, it is one that was asked
    for and not found yet.
    """

    def __init__(
        self, asked: AskedBatches, reference: ReferenceBatches, budget: ComparisonBudget | None = None
    ) -> None:
        """Prepare to compare.

        Args:
            asked: the batches that the loader was asked for.
            reference: loads them once more.
            budget: time that this may take; default None for the usual one.
        """
        self._asked = asked
        self._reference = reference
        self._budget = budget or ComparisonBudget()
        self._most_held = MOST_HELD_SLOWLY if reference.starts_slowly else MOST_HELD
        self.start_over()

    def start_over(self) -> None:
        """Begin a new epoch."""
        self._budget.start_over()
        self._held: list[_Held] = []
        self._held_bytes = 0
        self._number = 0
        self._compared = 0
        self._found: set[int] = set()
        self._has_gap = False
        self._fault = ""

    def __call__(self, batch: Any, elapsed_ns: int) -> int:
        """Take a delivered batch, and compare it with some others; return 0 for another one at once."""
        del elapsed_ns
        number, self._number = self._number, self._number + 1
        if self._fault or self._has_gap:
            return 0
        if not self._held and not self._budget.fits():
            # Without an order, nobody knows which one was left out.
            self._has_gap = not self._asked.in_order
            return 0
        with self._budget.spend():
            self._held.append(_Held(number, copy_leaves(batch)))
            self._held_bytes += count_bytes(batch)
            if len(self._held) == self._most_held or self._held_bytes > MOST_BYTES:
                self._compare_held()
        return 0

    def observe(self, batches: int, samples: int) -> OwnObservation:
        """Return the observation of an epoch."""
        self._compare_held()
        return OwnObservation(batches, samples, self._asked.summarise(), self._compared, self._fault)

    def _compare_held(self) -> None:
        held, self._held, self._held_bytes = self._held, [], 0
        asked = self._asked.record.asked
        if self._fault or not held:
            return
        if len(asked) <= max(one.number for one in held):
            self._fault = f"batch {len(asked):,} was delivered and never asked for"
        elif self._asked.in_order:
            self._compare_in_order(held, asked)
        else:
            self._find_among_asked(held, asked)

    def _compare_in_order(self, held: list[_Held], asked: list[Any]) -> None:
        expected = self._reference.load([asked[one.number] for one in held])
        for one, batch in zip(held, expected, strict=True):
            leaves = copy_leaves(batch)
            difference = find_difference(one.leaves, leaves)
            if difference and not self._is_stable(asked[one.number], leaves):
                self._give_up()
                return
            if difference:
                self._fault = (
                    f"batch {one.number:,} isn't what the dataset holds at {self._name(asked[one.number])}: "
                    f"{difference}"
                )
                return
            self._compared += 1

    def _is_stable(self, asked: Any, expected: list[Leaf]) -> bool:
        """Return whether a batch is the same each time that it is loaded."""
        again = self._reference.load([asked] * RELOADED)
        return not any(find_difference(copy_leaves(batch), expected) for batch in again)

    def _give_up(self) -> None:
        """Compare no batch of this epoch: samples vary from call to call after all."""
        self._compared, self._has_gap = 0, True

    def _find_among_asked(self, held: list[_Held], asked: list[Any]) -> None:
        numbers = [number for number in range(len(asked)) if number not in self._found]
        loaded = self._reference.load([asked[number] for number in numbers])
        open_batches = {number: copy_leaves(batch) for number, batch in zip(numbers, loaded, strict=True)}
        for one in held:
            equal = (n for n, leaves in open_batches.items() if not find_difference(one.leaves, leaves))
            found = next(equal, None)
            if found is None:
                due = list(open_batches)[:1]
                if not all(self._is_stable(asked[number], open_batches[number]) for number in due):
                    self._give_up()
                    return
                self._fault = f"batch {one.number:,} is none of the {len(open_batches):,} that were due"
                return
            del open_batches[found]
            self._found.add(found)
            self._compared += 1

    def _name(self, asked: Any) -> str:
        indices = self._asked.list_indices(asked)
        named = ", ".join(map(str, indices[:NAMED_INDICES]))
        more = f" and {len(indices) - NAMED_INDICES} more" if len(indices) > NAMED_INDICES else ""
        return f"{'index' if len(indices) == 1 else 'the indices'} {named}{more}"
