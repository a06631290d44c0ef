"""The ladder: which stages each rung runs, on how many batches, and which rungs a loader has."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest
import torch
from torch.utils.data import BatchSampler, DataLoader, SequentialSampler, get_worker_info

from bench.probes.cut_epoch import Stages
from bench.probes.cut_epochs import CutEpochs
from bench.probes.ladder import climb_ladder
from bench.probes.stretch import Stretch
from bench.probes.transforms import find_transforms
from bench.records.rung_time import MissingRung, PickleCost, RungTime
from loaders.spec.first_batches import FirstBatches
from tests.bench.probes import staged_datasets
from tests.bench.probes.staged_datasets import SAMPLES, Batched, Staged, Stream, collate, make_probe

LADDER = {
    ("order", ""): set(),
    ("fetch", ""): {"fetch"},
    ("transform", "Shift"): {"fetch", "Shift"},
    ("transform", "ToTensor"): {"fetch", "Shift", "ToTensor"},
    ("collate", ""): {"fetch", "Shift", "ToTensor", "collate"},
    ("loader", ""): {"fetch", "Shift", "ToTensor", "collate"},
}


@pytest.fixture(autouse=True)
def _forget() -> None:
    staged_datasets.ran.clear()
    staged_datasets.drawn.clear()


def climb(loader: Any, **settings: Any) -> dict[tuple[str, str], list[RungTime]]:
    """Return the times of each rung."""
    found: dict[tuple[str, str], list[RungTime]] = {}
    staged_datasets.ran.clear()
    for item in climb_ladder(loader, make_probe(**settings)):
        assert not isinstance(item, MissingRung), item.reason
        if isinstance(item, RungTime):
            found.setdefault((item.rung, item.stage), []).append(item)
    return found


def test_each_rung_runs_the_stages_up_to_its_own() -> None:
    """All of them ask for the same number of batches, and their places are in order."""
    dataset = Staged()
    loader = DataLoader(dataset, batch_size=4, collate_fn=collate, shuffle=True)
    cut, slots = CutEpochs(loader, 0.0, ""), find_transforms(dataset)
    for number, stages in enumerate(list(LADDER.values())[1:5]):
        staged_datasets.ran.clear()
        [stretch] = cut.time_epochs([Stages(tuple(slots[number:]), number == 3)], 0)
        assert isinstance(stretch, Stretch)
        assert set(staged_datasets.ran) == stages
    found = climb(loader, epochs=2)
    assert set(found) == set(LADDER)
    times = [time for several in found.values() for time in several]
    assert {time.batches for time in times} == {4}
    assert {time.samples for time in times} == {16}
    assert Counter(time.epoch for time in times) == {0: 6, 1: 6}
    assert [found[key][0].place for key in LADDER] == list(range(6))
    assert all(time.wall_s > 0 for time in times)


def test_the_order_of_rungs_is_drawn() -> None:
    """It differs between blocks, and one block always has the same."""
    loader = DataLoader(Staged(), batch_size=4, collate_fn=collate)
    orders = []
    for block in (0, 0, 1, 2, 3):
        climb(loader, block=block)
        orders.append(tuple(staged_datasets.ran))
    assert orders[0] == orders[1]
    assert len(set(orders)) > 2


def test_the_dataset_is_as_it_was() -> None:
    """Its transforms answer again, and no sampler was replaced."""
    dataset = Staged()
    loader = DataLoader(dataset, batch_size=4, collate_fn=collate)
    before = dict(vars(loader)), type(dataset.transform.transforms[0])
    climb(loader)
    assert (dict(vars(loader)), type(dataset.transform.transforms[0])) == before
    assert dataset[3][0].shape == (1,)


def test_a_rung_that_cannot_be_cut_is_told_once() -> None:
    """Code after the transforms needs a tensor: the rungs below are left out, the others are there."""
    loader = DataLoader(Staged(needs_tensor=True), batch_size=4)
    items = list(climb_ladder(loader, make_probe(epochs=2)))
    missing = [item for item in items if isinstance(item, MissingRung)]
    assert sorted((item.rung, item.stage) for item in missing) == [("fetch", ""), ("transform", "Shift")]
    reasons = {item.rung: item.reason for item in missing}
    assert reasons["transform"].startswith("the dataset fails without ToTensor: AttributeError")
    there = Counter(item.rung for item in items if isinstance(item, RungTime))
    assert there == {"order": 2, "transform": 2, "collate": 2, "loader": 2}


def test_samples_are_fetched_as_torch_does() -> None:
    """A dataset that fetches a batch at once is asked for it."""
    loader = DataLoader(Batched(), batch_size=4)
    climb(loader)
    assert "fetch at once" in staged_datasets.ran
    # A sampler that yields whole batches, without automatic batching.
    sampler = BatchSampler(SequentialSampler(range(SAMPLES)), 4, drop_last=False)
    whole = climb(DataLoader(_Whole(), sampler=sampler, batch_size=None))
    assert [time.samples for time in whole["fetch", ""]] == [16]
    assert next(iter(whole)) == ("order", "")


class _Stacked(Staged):
    def __getitems__(self, indices: list[int]) -> tuple[torch.Tensor, torch.Tensor]:
        return torch.tensor(indices), torch.tensor(indices)


def test_samples_are_counted_by_their_indices() -> None:
    """A dataset that fetches a batch at once returns it in the form that its collate function takes."""
    found = climb(DataLoader(_Stacked(), batch_size=4, collate_fn=tuple))
    assert {time.samples for [time] in found.values()} == {16}


class _Unsized:
    """A batch without a length."""

    def __init__(self, tensor: torch.Tensor) -> None:
        self.tensor = tensor


class _MakesUnsized(Staged):
    def __getitems__(self, indices: list[int]) -> _Unsized:
        return _Unsized(torch.tensor(indices))


def get_tensor(batch: _Unsized) -> torch.Tensor:
    return batch.tensor


def test_a_batch_that_is_fetched_at_once_needs_no_length() -> None:
    """Its collate function alone has to know its form."""
    found = climb(DataLoader(_MakesUnsized(), batch_size=4, collate_fn=get_tensor))
    assert {time.samples for [time] in found.values()} == {16}


class _Whole(Staged):
    def __getitem__(self, indices: list[int]) -> torch.Tensor:
        staged_datasets.ran.append("fetch")
        return torch.tensor(indices)


def test_a_failing_dataset_raises() -> None:
    """It isn't taken for one that can't be cut."""
    with pytest.raises(IndexError, match="out of range"):
        list(climb_ladder(DataLoader([], batch_size=4, sampler=range(8)), make_probe()))
    with pytest.raises(ValueError, match="sampler yields nothing"):
        list(climb_ladder(DataLoader([]), make_probe()))


def test_an_iterable_dataset_has_no_order() -> None:
    """Its first batch is its start-up."""
    found = climb(DataLoader(Stream(), batch_size=4, collate_fn=collate))
    assert set(found) == {("fetch", ""), ("transform", "ToTensor"), ("collate", ""), ("loader", "")}
    [time] = found["collate", ""]
    assert time.startup_s > 0
    assert (time.batches, time.samples) == (3, 12)


@pytest.mark.parametrize("workers", [0, 1])
def test_an_iterable_dataset_is_asked_for_no_more_than_an_epoch(workers) -> None:
    """Each rung, in the process and in workers; without a limit it has its fewest batches."""
    loader = DataLoader(Stream(), batch_size=4, collate_fn=collate, num_workers=workers)
    limited = climb(FirstBatches(loader, 2), epochs=2)
    asked = {rung: [time.batches for time in times] for (rung, _), times in limited.items()}
    # It delivers copies of batches that workers hold.
    asked.pop("transport", None)
    assert asked["loader"]
    assert all(number <= 2 for numbers in asked.values() for number in numbers)
    assert max(time.batches for times in climb(loader).values() for time in times) > 2


def test_any_other_iterable_has_one_rung() -> None:
    """Its epochs may be limited, and have a single batch."""
    batches = [torch.zeros(5), torch.zeros(5), torch.zeros(3)]
    [((rung, _), [time])] = climb(batches).items()
    assert (rung, time.place, time.batches, time.samples) == ("loader", 0, 2, 8)
    [[limited]] = climb(FirstBatches(batches, 1)).values()
    assert (limited.batches, limited.samples, limited.startup_s) == (1, 5, 0)
    [[once]] = climb((batch for batch in batches), epochs=2).values()
    assert (once.batches, once.samples) == (2, 8)
    with pytest.raises(ValueError, match="delivers no batch"):
        climb([])


def test_workers_have_a_rung_for_their_way() -> None:
    """Rungs with workers come first, when no sample was asked of the dataset in this process."""
    loader = DataLoader(Staged(), batch_size=4, num_workers=1, multiprocessing_context="fork")
    items = list(climb_ladder(loader, make_probe(epochs=2)))
    assert isinstance(items[0], PickleCost)
    rungs = [item.rung for item in items if isinstance(item, RungTime)]
    assert rungs[:4] == ["loader", "loader", "transport", "transport"]
    assert sorted(set(rungs[4:])) == ["collate", "fetch", "order", "transform"]
    with_workers = [item for item in items[1:5] if isinstance(item, RungTime)]
    assert all(item.batches == 4 and item.samples == 16 for item in with_workers)
    assert [item.startup_s > 0 for item in with_workers] == [True, False, True, False]
    assert torch.get_num_threads() >= 1


class _Transfer:
    moved = waited = 0

    def __call__(self, batch: Any) -> Any:
        self.moved += 1
        return batch

    def wait(self) -> None:
        self.waited += 1


@pytest.mark.parametrize("workers", [0, 1])
def test_the_transfer_is_the_last_rung(monkeypatch, workers) -> None:
    """It is waited for at the end of each pass, by the device, too."""
    synchronized: list[int] = []
    monkeypatch.setattr(torch.cuda, "synchronize", lambda: synchronized.append(1))
    monkeypatch.setattr(torch.cuda, "is_initialized", lambda: True)
    settings: dict[str, Any] = {"multiprocessing_context": "fork"} if workers else {}
    transfer = _Transfer()
    loader = DataLoader(Staged(), batch_size=4, num_workers=workers, **settings)
    items = list(climb_ladder(loader, make_probe(epochs=2), transfer=transfer))
    times = [item for item in items if isinstance(item, RungTime) and item.rung == "transfer"]
    assert len(times) == transfer.waited == len(synchronized) == 2
    assert max(item.place for item in items if isinstance(item, RungTime)) == times[0].place
    # Each worker's first batch comes before the first stretch.
    assert transfer.moved == 8 + workers
    other = _Transfer()
    found = list(climb_ladder([torch.zeros(2)] * 3, make_probe(), transfer=other))
    assert {item.rung: item.batches for item in found} == {"loader": 2, "transfer": 2}
    assert other.moved == 3


def test_a_transfer_needs_no_gpu() -> None:
    """It may be a user's own, to another device."""
    if torch.cuda.is_initialized():
        pytest.skip("another test has used the GPU")
    transfer = _Transfer()
    items = list(climb_ladder(DataLoader(Staged(), batch_size=4), make_probe(), transfer=transfer))
    assert "transfer" in {item.rung for item in items if isinstance(item, RungTime)}
    assert transfer.waited == 1


class _InWorkersOnly(Staged):
    opened = False

    def __getitem__(self, index: int) -> Any:
        assert self.opened, "worker_init_fn opens the files"
        return super().__getitem__(index)


def open_files(worker: int) -> None:
    info = get_worker_info()
    assert info is not None
    info.dataset.opened = True


def test_a_dataset_that_workers_open_is_opened() -> None:
    """The rungs that run in one process are there, too."""
    loader = DataLoader(
        _InWorkersOnly(),
        batch_size=4,
        num_workers=1,
        worker_init_fn=open_files,
        multiprocessing_context="fork",
    )
    rungs = {item.rung for item in climb_ladder(loader, make_probe()) if isinstance(item, RungTime)}
    assert rungs == {"order", "fetch", "transform", "collate", "loader", "transport"}
    assert get_worker_info() is None


def test_augmentation_differs_by_chance_only() -> None:
    """Epochs of one pass draw the same random numbers, and those of another pass others."""
    dataset = Staged()
    loader = DataLoader(dataset, batch_size=4)
    cut = CutEpochs(loader, 0.0, "seed")
    slots = find_transforms(dataset)

    def draw(gated: list, epoch: int) -> list[float]:
        staged_datasets.drawn.clear()
        cut.time_epochs([Stages(tuple(gated), collates=not gated)], epoch)
        return list(staged_datasets.drawn)

    first = draw([], 0)
    assert len(first) == 16
    assert draw(slots[1:], 0) == first
    assert draw([], 1) != first
