"""Delivered batches against what the dataset holds."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import psutil
import pytest
import torch
from torch.utils.data import DataLoader

from bench.workloads.audit import content_inspector
from bench.workloads.audit.asked_batches import AskedBatches, watch_batches
from bench.workloads.audit.comparison_budget import ComparisonBudget
from bench.workloads.audit.content_inspector import ContentInspector
from bench.workloads.audit.index_inspector import FormInspector, IndexInspector
from bench.workloads.audit.own_observation import AskedIndices, OwnObservation
from bench.workloads.audit.reference_batches import ReferenceBatches
from loaders.ring.in_memory_loader import InMemoryLoader
from tests.bench.workloads.own.own_datasets import Flipped, Numbers, OpensLate, Wrong, loader_of

BATCH = 4


class Watched:
    """A loader under an inspector."""

    def __init__(self, loader: Any, budget: ComparisonBudget | None = None, *, by_form: bool = False) -> None:
        reference = ReferenceBatches(loader if isinstance(loader, DataLoader) else loader.loader)
        self.loader = loader
        asked = watch_batches(loader)
        assert asked is not None
        self.asked: AskedBatches = asked
        self.inspector: Any = (
            FormInspector(asked, reference) if by_form else ContentInspector(asked, reference, budget)
        )

    def run(self, change: Any = None) -> OwnObservation:
        """Run an epoch, whose batches a function may change, and return its observation."""
        self.inspector.start_over()
        batches: Iterable[Any] = self.loader if change is None else change(self.loader)
        count = samples = 0
        for batch in batches:
            samples += self.asked.count(batch)
            assert self.inspector(batch, 1) == 0
            count += 1
        observation: OwnObservation = self.inspector.observe(count, samples)
        return observation


@pytest.mark.parametrize(("workers", "in_order"), [(0, True), (2, True), (2, False)])
def test_each_batch_is_what_the_dataset_holds(workers, in_order) -> None:
    """In two epochs, in any order, with the same order as without an inspector."""
    orders = []
    for is_watched in (False, True):
        torch.manual_seed(3)
        loader = loader_of(Numbers(), shuffle=True, num_workers=workers, in_order=in_order)
        if not is_watched:
            orders.append([sorted(b[1].tolist() for b in loader) for _ in range(2)])
            continue
        watched, seen = Watched(loader), []
        for _ in range(2):
            assert watched.run() == OwnObservation(5, 20, AskedIndices(5, 20, 0, 0), compared=5)
            seen.append(sorted(map(sorted, watched.asked.record.asked)))
    assert seen == [sorted(map(sorted, epoch)) for epoch in orders[0]]


@pytest.mark.parametrize("in_order", [True, False])
def test_a_batch_with_another_sample_is_named(in_order) -> None:
    """The indices that were asked for are told where the order is known."""
    fault = Watched(loader_of(Wrong(), num_workers=2, in_order=in_order)).run().fault
    if in_order:
        named = "batch 1 isn't what the dataset holds at the indices 4, 5, 6, 7"
        assert fault == f"{named}: 3 of 12 numbers differ at batch[0]"
    else:
        assert fault.startswith("batch ")
        assert fault.endswith("that were due")


def swap(batches: Iterable[Any]) -> Iterator[Any]:
    first, second, *others = batches
    yield from (second, first, *others)


def lose_a_row(batches: Iterable[Any]) -> Iterator[Any]:
    for pictures, labels in batches:
        yield pictures[:-1], labels[:-1]


def mislabel(batches: Iterable[Any]) -> Iterator[Any]:
    for pictures, labels in batches:
        yield pictures, labels.roll(1)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (swap, "batch 0 isn't what the dataset holds at the indices 0, 1, 2, 3: 12 of 12 numbers differ"),
        (lose_a_row, "indices 0, 1, 2, 3: shape [3, 3] instead of [4, 3] at batch[0]"),
        (mislabel, "indices 0, 1, 2, 3: 4 of 4 numbers differ at batch[1]"),
        (lambda batches: ([b[0]] for b in batches), "1 values in another structure than the 2 expected"),
        (lambda batches: [*batches, torch.zeros(1, 3)], "batch 5 was delivered and never asked for"),
    ],
)  # fmt: skip
def test_what_the_loader_did_not_deliver(change, says) -> None:
    """Another order, fewer samples, another label, another form, more batches."""
    assert says in Watched(loader_of(Numbers())).run(change).fault


def test_the_training_process_opens_no_file_of_the_workers() -> None:
    """Workers of the next epoch are forked from it, and would share the file's position."""
    watched = Watched(loader_of(OpensLate(), num_workers=2))
    for _ in range(2):
        assert watched.run().compared == 5
    assert watched.loader.dataset.opened_by == 0


def test_samples_that_vary_after_all_are_no_fault() -> None:
    """Then nothing is compared, and the audit is one by index."""
    torch.manual_seed(0)
    observation = Watched(loader_of(Flipped())).run()
    assert (observation.compared, observation.fault) == (0, "")


def test_a_loader_that_reuses_its_memory_is_compared() -> None:
    """Batches are copied as they come."""
    watched = Watched(InMemoryLoader(loader_of(Numbers(100), shuffle=True), num_workers=0))
    assert watched.run() == OwnObservation(25, 100, AskedIndices(25, 100, 0, 0), compared=25)


class SlowReference(ReferenceBatches):
    """Each batch takes a second of a clock that nothing else moves."""

    now_s = 0.0
    start_s = 0.0

    @contextmanager
    def open(self, asked: Any) -> Iterator[Iterator[Any]]:
        """Load some batches."""
        with super().open(asked) as batches:
            yield self._tick(batches)

    def _tick(self, batches: Iterator[Any]) -> Iterator[Any]:
        self.now_s += self.start_s
        for batch in batches:
            self.now_s += 1
            yield batch


@pytest.mark.parametrize("in_order", [True, False])
@pytest.mark.parametrize(("allowance_s", "compared"), [(0.5, 1), (1.5, 1), (2.5, 2), (20.0, 20), (99, 50)])
def test_comparing_takes_a_bounded_time(in_order, allowance_s, compared) -> None:
    """Some batches are left out, however long one takes, and the observation says how many were compared."""
    watched = Watched(loader_of(Numbers(200), num_workers=2, in_order=in_order))
    reference = SlowReference(watched.loader)
    budget = ComparisonBudget(allowance_s, lambda: reference.now_s)
    watched.inspector = ContentInspector(watched.asked, reference, budget)
    for _ in range(2):
        observation = watched.run()
        assert observation.fault == ""
        # A batch that overtook others may be the first that isn't there yet.
        assert observation.compared in (range(compared - 4, compared + 1) if not in_order else [compared])


def test_the_start_of_a_worker_that_imports_everything_anew_leaves_time_to_compare(monkeypatch) -> None:
    """Its imports are no comparison."""
    monkeypatch.setattr(SlowReference, "starts_slowly", True)
    watched = Watched(loader_of(Numbers(200), num_workers=2))
    reference = SlowReference(watched.loader)
    reference.start_s = 30.0
    watched.inspector = ContentInspector(
        watched.asked, reference, ComparisonBudget(2.0, lambda: reference.now_s)
    )
    compared = watched.run().compared
    # As long as the start, which counts as loading.
    assert compared == 32


def test_batches_that_are_left_out_leave_no_worker(monkeypatch) -> None:
    """It would go on loading beside the next epoch."""
    reference = ReferenceBatches(loader_of(Numbers(200), num_workers=2))
    before = {one.pid for one in psutil.Process().children()}
    with reference.open([[number] for number in range(50)]) as batches:
        next(batches)
    assert {one.pid for one in psutil.Process().children()} == before


def test_batches_that_take_long_are_loaded_again_a_few_times(monkeypatch) -> None:
    """A batch that differs tells a fault from a transform."""
    reloaded = []

    class Counting(ReferenceBatches):
        @contextmanager
        def open(self, asked: Any) -> Iterator[Iterator[Any]]:
            with super().open(asked) as batches:
                yield (reloaded.append(batch) or batch for batch in batches)

    monkeypatch.setattr(content_inspector, "RELOADING_S", 0.0)
    watched = Watched(loader_of(Wrong(), num_workers=2))
    watched.inspector = ContentInspector(watched.asked, Counting(watched.loader))
    assert "isn't what the dataset holds" in watched.run().fault
    # Up to two to compare, and then those.
    assert len(reloaded) <= 5 + content_inspector.LEAST_RELOADED


@pytest.mark.parametrize(("in_order", "workers"), [(True, 0), (False, 2)])
def test_the_batches_that_are_kept_take_bounded_memory(in_order, workers) -> None:
    """All are kept that fit; of an order, others take their place at random."""
    watched = Watched(loader_of(Numbers(200), num_workers=workers, in_order=in_order))
    reference = ReferenceBatches(watched.loader)
    # A batch takes 4 * (3 * 4 + 8) bytes.
    watched.inspector = ContentInspector(watched.asked, reference, most_bytes=800)
    observation = watched.run()
    assert (observation.compared, observation.fault) == (10, "")
    late = watched.run(lambda batches: spoil(batches, at=49))
    early = watched.run(lambda batches: spoil(batches, at=2))
    assert early.fault if not in_order else early.fault == "" or "batch 2 " in early.fault
    assert late.fault == "" or "batch 49 " in late.fault


def spoil(batches: Iterable[Any], at: int) -> Iterator[Any]:
    """Change one batch."""
    for number, (pictures, labels) in enumerate(batches):
        yield pictures, labels + (number == at)


def test_the_end_of_the_epoch_is_told() -> None:
    """From then on there may be a worker that isn't the loader's."""
    watched = Watched(loader_of(Numbers(), num_workers=2, persistent_workers=True))
    began_ns = time.perf_counter_ns()
    observation = watched.run()
    assert observation.ended_ns is not None
    assert began_ns < observation.ended_ns < time.perf_counter_ns() - 0.2e9
    assert ReferenceBatches(loader_of(Numbers(), num_workers=2)).keeps_workers is False


def test_comparing_may_take_as_long_as_loading() -> None:
    """And at least its allowance; a comparison is expected to take as long as the last one."""
    now_s = [0.0]
    budget = ComparisonBudget(1.0, lambda: now_s[0])
    for loading_s, fits in ((0.0, True), (1.9, False), (0.2, True)):
        now_s[0] += loading_s
        assert budget.fits() == fits
        if fits:
            with budget.spend():
                now_s[0] += 1.0
    budget.start_over()
    assert budget.fits()


def test_in_a_timed_epoch_no_batch_is_looked_at() -> None:
    """Only the indices are kept."""
    loader = loader_of(Numbers())
    asked = watch_batches(loader)
    assert asked is not None
    inspector = IndexInspector(asked)
    inspector.start_over()
    assert inspector(object(), 5) > 10**18
    samples = sum(asked.count(batch) for batch in loader)
    assert inspector.observe(5, samples) == OwnObservation(5, 20, AskedIndices(5, 20, 0, 0))
    assert IndexInspector(None).observe(3, 12) == OwnObservation(3, 12)


def drop_odd(samples: list[tuple[torch.Tensor, int]]) -> torch.Tensor:
    """Leave out broken samples, as many collate functions do."""
    return torch.stack([picture for picture, number in samples if number % 10])


def test_samples_are_counted_by_the_form_too() -> None:
    """A batch with fewer is a fault, unless the collate function leaves them out each time."""
    assert Watched(loader_of(Flipped()), by_form=True).run().fault == ""
    assert Watched(loader_of(Flipped()), by_form=True).run(lose_a_row).fault == (
        "batch 0 holds 3 samples of the 4 that were asked for"
    )
    assert Watched(loader_of(Flipped(), collate_fn=drop_odd), by_form=True).run().fault == ""
