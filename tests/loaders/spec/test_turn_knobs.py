"""Other settings for a DataLoader that exists already: what it was given is kept."""

from __future__ import annotations

import multiprocessing

import pytest
import torch
from torch.utils.data import (
    BatchSampler,
    DataLoader,
    IterableDataset,
    RandomSampler,
    SequentialSampler,
    TensorDataset,
    WeightedRandomSampler,
)

from loaders.spec.source_facts import DataLoaderSettings
from loaders.spec.turn_knobs import can_resize, copy_with, read_settings, record_indices, turn_knobs

SAMPLES = 50
NUMBERS = TensorDataset(torch.arange(SAMPLES))
WITH_WORKERS = DataLoaderSettings(5, 2, True, 3, True, "spawn", False)


class Counting(IterableDataset):
    def __iter__(self):
        return iter(range(SAMPLES))


class Backwards(DataLoader):
    """A subclass with an attribute and a constructor of its own."""

    def __init__(self, dataset: TensorDataset, word: str) -> None:
        super().__init__(dataset, batch_size=5, sampler=range(SAMPLES - 1, -1, -1))
        self.word = word


class Uneven:
    """A batch sampler that is not PyTorch's, without a length."""

    def __iter__(self):
        yield from ([0], [1, 2], [3, 4, 5])


def collate(samples: list[tuple[torch.Tensor]]) -> list[int]:
    return [int(number) for (number,) in samples]


def start_worker(number: int) -> None:
    """Do nothing in a worker."""


def sizes_of(loader: DataLoader) -> list[int]:
    return [len(batch[0] if isinstance(batch, list) else batch) for batch in loader]


def test_settings_are_those_that_the_loader_was_given():
    loader = DataLoader(
        NUMBERS, 4, num_workers=3, pin_memory=True, prefetch_factor=7, persistent_workers=True,
        multiprocessing_context="spawn", in_order=False,
    )  # fmt: skip
    assert read_settings(loader) == DataLoaderSettings(4, 3, True, 7, True, "spawn", False)


def test_settings_of_a_dataset_alone_are_pytorchs_defaults():
    assert read_settings(DataLoader(NUMBERS)) == DataLoaderSettings()


def test_settings_with_workers_name_pytorchs_own_prefetch_factor():
    assert read_settings(DataLoader(NUMBERS, num_workers=1)).prefetch_factor == 2


@pytest.mark.parametrize(
    ("loader", "size"),
    [
        (DataLoader(NUMBERS, 4), 4),
        (DataLoader(NUMBERS, 4, shuffle=True, drop_last=True), 4),
        (DataLoader(NUMBERS, batch_sampler=BatchSampler(SequentialSampler(NUMBERS), 6, True)), 6),
        (DataLoader(NUMBERS, None, sampler=BatchSampler(RandomSampler(NUMBERS), 7, False)), 7),
        (DataLoader(Counting(), 8), 8),
    ],
)
def test_the_batch_size_is_varied_where_pytorchs_batch_sampler_makes_the_batches(loader, size):
    assert can_resize(loader)
    assert read_settings(loader).batch_size == size
    twin = copy_with(loader, DataLoaderSettings(9))
    made_by = loader.sampler if loader.batch_sampler is None else loader.batch_sampler
    left = [] if made_by.drop_last else [SAMPLES % 9]
    assert sizes_of(twin) == [9] * (SAMPLES // 9) + left
    assert len(list(loader)) == (SAMPLES // size if made_by.drop_last else -(-SAMPLES // size))


@pytest.mark.parametrize(
    ("loader", "sizes"),
    [
        (DataLoader(NUMBERS, batch_sampler=Uneven()), [1, 2, 3]),
        (DataLoader(NUMBERS, None, sampler=[[0, 1], [2]]), [2, 1]),
        (DataLoader([torch.zeros(2), torch.zeros(3)], None), [2, 3]),
    ],
)
def test_batches_of_another_kind_keep_their_sizes(loader, sizes):
    assert not can_resize(loader)
    assert read_settings(loader).batch_size is None
    assert sizes_of(copy_with(loader, DataLoaderSettings(9))) == sizes


def test_a_batch_sampler_with_a_word_for_its_size_has_no_batch_size():
    sampler = Uneven()
    sampler.batch_size = "uneven"
    assert read_settings(DataLoader(NUMBERS, batch_sampler=sampler)).batch_size is None


def test_what_the_loader_was_given_is_kept():
    generator = torch.Generator().manual_seed(3)
    sampler = WeightedRandomSampler([1.0] * SAMPLES, SAMPLES, generator=generator)
    loader = DataLoader(
        NUMBERS, 4, sampler=sampler, num_workers=1, collate_fn=collate, drop_last=True, timeout=30,
        worker_init_fn=start_worker, generator=generator, pin_memory_device="",
    )  # fmt: skip
    twin = copy_with(loader, WITH_WORKERS)
    kept = ("dataset", "sampler", "collate_fn", "drop_last", "timeout", "worker_init_fn", "generator")
    for name in (*kept, "pin_memory_device"):
        assert getattr(twin, name) is getattr(loader, name)
    assert twin.batch_sampler.sampler is sampler
    assert read_settings(twin) == WITH_WORKERS


def test_a_copy_leaves_the_loader_as_it_is():
    loader = DataLoader(NUMBERS, 4)
    copy_with(loader, WITH_WORKERS)
    assert read_settings(loader) == DataLoaderSettings(4)
    assert sizes_of(loader)[0] == 4


def test_a_loader_with_a_timeout_works_without_workers():
    loader = DataLoader(NUMBERS, 25, num_workers=2, timeout=30)
    assert sizes_of(copy_with(loader, DataLoaderSettings(25))) == [25, 25]
    assert loader.timeout == 30


def test_workers_are_as_many_as_set_and_start_as_set():
    twin = copy_with(DataLoader(NUMBERS, 25), DataLoaderSettings(25, 2, False, 2, False, "fork"))
    batches = iter(twin)
    assert len(batches._workers) == 2
    assert {type(worker).__name__ for worker in batches._workers} == {"ForkProcess"}
    assert sorted(int(number) for batch in batches for number in batch[0]) == list(range(SAMPLES))


def test_persistent_workers_of_the_users_loader_are_not_taken_over():
    loader = DataLoader(NUMBERS, 25, num_workers=1, persistent_workers=True, multiprocessing_context="fork")
    list(loader)
    twin = copy_with(loader, DataLoaderSettings(25))
    assert len(list(twin)) == 2
    assert twin._iterator is None
    assert loader._iterator is not None


def test_a_context_object_is_kept_while_the_start_method_is_the_same():
    context = multiprocessing.get_context("spawn")
    loader = DataLoader(NUMBERS, num_workers=1, multiprocessing_context=context)
    assert read_settings(loader).multiprocessing_context == "spawn"
    assert copy_with(loader, WITH_WORKERS).multiprocessing_context is context
    forked = DataLoaderSettings(5, 2, False, 2, False, "fork")
    assert copy_with(loader, forked).multiprocessing_context.get_start_method() == "fork"
    assert copy_with(loader, DataLoaderSettings(5)).multiprocessing_context is None


def test_a_subclass_stays_one():
    twin = copy_with(Backwards(NUMBERS, "word"), DataLoaderSettings(25))
    assert isinstance(twin, Backwards)
    assert twin.word == "word"
    assert next(iter(twin))[0].tolist() == list(range(SAMPLES - 1, SAMPLES - 26, -1))


def test_knobs_are_turned_on_the_loader_itself():
    loader = DataLoader(NUMBERS, 4)
    turn_knobs(loader, DataLoaderSettings(10))
    assert sizes_of(loader) == [10] * 5
    assert loader.batch_size == 10


def test_indices_are_recorded_and_handed_on():
    loader = DataLoader(NUMBERS, 20, shuffle=True)
    recorder = record_indices(loader)
    delivered = [batch[0].tolist() for batch in loader]
    assert recorder.asked == delivered
    assert sorted(number for batch in delivered for number in batch) == list(range(SAMPLES))
    again = [batch[0].tolist() for batch in loader]
    assert recorder.asked == again != delivered
    assert len(recorder) == len(loader) == 3


def test_indices_without_batches_are_recorded():
    loader = DataLoader(NUMBERS, None, sampler=[3, 1, 2])
    recorder = record_indices(loader)
    assert len(list(loader)) == 3
    assert recorder.asked == [3, 1, 2]


def test_a_recorder_passes_on_what_a_loop_calls_on_its_sampler():
    sampler = RandomSampler(NUMBERS)
    sampler.set_epoch = [].append
    loader = DataLoader(NUMBERS, 4, sampler=sampler)
    recorder = record_indices(loader)
    assert recorder.drop_last is False
    assert recorder.sampler.sampler.set_epoch is sampler.set_epoch
    with pytest.raises(AttributeError, match="nothing"):
        _ = recorder.nothing


def test_an_iterable_dataset_is_asked_for_no_index():
    assert record_indices(DataLoader(Counting(), 8)) is None
