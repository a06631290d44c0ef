"""What is found out about a loader in the process that has made it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import torch
from torch.utils.data import BatchSampler, DataLoader, Dataset, IterableDataset, SequentialSampler

from bench.workloads.inspection import source_inspection
from bench.workloads.inspection.source_inspection import find_facts
from bench.workloads.target.open_source import MadeAnew
from bench.workloads.target.target import TargetError
from loaders.spec.source_facts import DataLoaderSettings, SourceFacts


class Rows(Dataset):
    """Rows of eight floats, counted as they are read."""

    def __init__(self, samples: int = 10) -> None:
        self.samples = samples
        self.read = 0

    def __len__(self) -> int:
        return self.samples

    def __getitem__(self, index: int) -> torch.Tensor:
        self.read += 1
        return torch.full((8,), float(index))


class Stream(IterableDataset):
    """Rows without a length."""

    def __iter__(self) -> Iterator[torch.Tensor]:
        return (torch.zeros(8) for _ in range(10))


class SizedStream(Stream):
    def __len__(self) -> int:
        return 10


class Unsized:
    """A batch sampler of the user's own, without a length."""

    batch_size = 3

    def __iter__(self) -> Iterator[list[int]]:
        yield from ([0, 1, 2], [3, 4, 5], [6])


class Endless:
    """A library's own loader without an end, and a clock that its batches move."""

    now_s = 0.0

    def __iter__(self) -> Iterator[torch.Tensor]:
        while True:
            self.now_s += 1.0
            yield torch.zeros(4, 2)

    def clock(self) -> float:
        return self.now_s


FIVES = BatchSampler(SequentialSampler(Rows()), 5, True)


def sizes_of(facts: SourceFacts) -> tuple[object, ...]:
    return facts.batches, facts.samples, facts.batch_samples, facts.batch_bytes


@pytest.mark.parametrize(
    ("loader", "sizes", "map_style", "has_own_batches"),
    [
        (DataLoader(Rows(), 4), (3, 10, 4, 128), True, False),
        (DataLoader(Rows(), 4, drop_last=True), (2, 8, 4, 128), True, False),
        (DataLoader(Rows()), (10, 10, 1, 32), True, False),
        (DataLoader(Rows(), 4, sampler=[5, 2, 5]), (1, 3, 3, 96), True, False),
        (DataLoader(Rows(), batch_sampler=FIVES), (2, 10, 5, 160), True, False),
        (DataLoader(Rows(), None), (10, 80, 8, 32), True, True),
        (DataLoader(Rows(), batch_sampler=[[0, 1]] * 20), (20, 40, 2, 64), True, True),
        (DataLoader(Rows(), batch_sampler=Unsized()), (3, 7, 3, 96), True, True),
        (DataLoader(Stream(), 4), (3, 10, 4, 128), False, False),
        (DataLoader(SizedStream(), 4), (3, 12, 4, 128), False, False),
        (DataLoader(Stream(), None), (10, 80, 8, 32), False, True),
        # Samples that no form of a batch tells.
        (DataLoader(Rows(), 4, collate_fn=len), (3, 10, 4, 0), True, False),
        (DataLoader(Rows(), 4, collate_fn=list), (3, 10, 4, 128), True, False),
    ],
)  # fmt: skip
def test_a_dataloader_is_found_out_about(loader, sizes, map_style, has_own_batches) -> None:
    """Its length, the samples of an epoch, and those and the bytes of a batch."""
    facts = find_facts(loader, None, name="mine")
    assert sizes_of(facts) == sizes
    assert (facts.kind, facts.map_style, facts.has_own_batches) == ("dataloader", map_style, has_own_batches)
    assert not facts.one_shot


def test_settings_are_theirs_although_no_worker_is_started() -> None:
    """This process only looks."""
    loader = DataLoader(
        Rows(), 4, num_workers=3, prefetch_factor=5, multiprocessing_context="spawn", timeout=9
    )
    facts = find_facts(loader, None, name="mine")
    assert facts.settings == DataLoaderSettings(4, 3, False, 5, False, "spawn")
    assert facts.batches == 3
    assert loader._iterator is None


def test_a_dataset_alone_is_told_from_a_dataloader() -> None:
    """Its settings are PyTorch's defaults."""
    facts = find_facts(DataLoader(Rows()), None, name="mine", kind="dataset")
    assert (facts.kind, facts.settings) == ("dataset", DataLoaderSettings())


@pytest.mark.parametrize(
    ("loader", "sizes", "one_shot"),
    [
        ([torch.zeros(4, 2)] * 3, (3, 12, 4, 32), False),
        (MadeAnew(None, lambda: iter([torch.zeros(4, 2), torch.zeros(3, 2)])), (2, 7, 4, 32), False),
        ((torch.zeros(4, 2) for _ in range(5)), (5, 20, 4, 32), True),
        (zip([torch.zeros(4, 2)], [torch.zeros(4)], strict=True), (1, 4, 4, 48), True),
        ([["a", "b", "c"], ["d"]], (2, 6, 3, 0), False),
    ],
)
def test_any_other_iterable_is_found_out_about(loader, sizes, one_shot) -> None:
    """One without a length is run through once."""
    facts = find_facts(loader, None, name="mine")
    assert sizes_of(facts) == sizes
    assert (facts.kind, facts.settings, facts.one_shot) == ("iterable", None, one_shot)


def test_a_loader_without_an_end_needs_batches() -> None:
    """After half a minute it is given up; with `--batches` it is read no further."""
    loader = Endless()
    with pytest.raises(TargetError) as raised:
        find_facts(loader, None, name="mine.py:loader", clock=loader.clock)
    assert str(raised.value) == (
        "mine.py:loader has no length, and no end within 30 s (batch 31); say with --batches N where an "
        "epoch ends"
    )
    loader = Endless()
    facts = find_facts(loader, 5, name="mine", clock=loader.clock)
    assert loader.now_s == 5
    assert sizes_of(facts) == (None, None, 4, 32)


def test_a_loader_that_ends_before_its_batches_has_a_length() -> None:
    facts = find_facts(MadeAnew(None, lambda: iter([torch.zeros(4)] * 3)), 100, name="mine")
    assert (facts.batches, facts.samples) == (3, 12)


@pytest.mark.parametrize(
    "loader",
    [[], DataLoader([]), DataLoader(Rows(), batch_sampler=[]), DataLoader(Rows(3), 4, drop_last=True)],
)
def test_an_empty_loader_is_told(loader) -> None:
    with pytest.raises(TargetError, match=r"^mine.py:x is empty: it delivers no batch$"):
        find_facts(loader, None, name="mine.py:x")


def test_the_time_for_an_epoch_of_unknown_length_is_bounded_within_the_inspection() -> None:
    """Or the inspection would be given up before the loader is."""
    from bench.workloads.inspection.target_inspection import TIMEOUT_S

    assert source_inspection.LONGEST_EPOCH_S < TIMEOUT_S
