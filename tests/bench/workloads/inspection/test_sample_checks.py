"""Checks of samples: random transforms, ragged samples, collate functions, memory, and slow samples."""

from __future__ import annotations

import itertools
import random
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from torch.utils.data import DataLoader, Dataset, IterableDataset, default_collate

from bench.workloads.inspection.sample_checks import (
    ACROSS,
    DIFFERENT,
    REPEATED,
    REPEATS,
    TRIED,
    SampleFindings,
    check_samples,
    spread,
)
from loaders.data.decoded_samples import fetch

SAMPLES = 500


class Made(Dataset[Any]):
    """Samples that a function makes of their index."""

    def __init__(self, make: Callable[[int], Any], samples: int = SAMPLES) -> None:
        self.make = make
        self.samples = samples
        self.asked: list[int] = []

    def __len__(self) -> int:
        return self.samples

    def __getitem__(self, index: int) -> Any:
        self.asked.append(index)
        return self.make(index)


def check(make: Callable[[int], Any], collate=None, samples: int = SAMPLES, **options) -> SampleFindings:
    return check_samples(DataLoader(Made(make, samples), collate_fn=collate), **options)


def plain(index: int) -> Any:
    return torch.full((3, 4), float(index)), index


def test_samples_that_are_always_the_same() -> None:
    """They can be kept. The first and the last are among those that are tried."""
    dataset = Made(plain)
    found = check_samples(DataLoader(dataset))
    assert found == SampleFindings(True, "", 3 * 4 * 4 + 8, found.sample_s, TRIED, REPEATS)
    assert {0, SAMPLES - 1} <= set(dataset.asked)
    assert len(set(dataset.asked)) == TRIED


def test_a_few_samples() -> None:
    """A dataset of one sample has it fetched as often."""
    found = check(plain, samples=1)
    assert (found.same, found.differing, found.tried, found.repeats) == (True, "", 1, REPEATS)


def rare(seed: int) -> Callable[[int], Any]:
    """Return a transform that changes one sample in ten, by a generator of its own."""
    own = random.Random(seed)
    return lambda index: torch.tensor([index, own.random() < 0.1])


GENERATOR = torch.Generator().manual_seed(3)
NUMPY = np.random.default_rng(3)
COUNTER = iter(range(10**9))
RANDOM = {
    "torch": lambda index: torch.rand(3),
    "numpy": lambda index: np.random.rand(3),
    "python": lambda index: random.random(),
    "numpy's new generator": lambda index: NUMPY.random(3),
    "a generator of its own": lambda index: torch.rand(3, generator=GENERATOR),
    "small numbers": lambda index: torch.rand(3, generator=GENERATOR) * 1e-9,
    "small arrays": lambda index: np.random.rand(3).astype(np.float32) * 1e-9,
    "a counter": lambda index: next(COUNTER),
    "of varying length": lambda index: torch.zeros(random.randrange(1, 50)),
    "the word alone": lambda index: (index, "ab"[random.randrange(2)]),
    "a list": lambda index: [index] * random.randrange(1, 50),
}


@pytest.mark.parametrize("kind", RANDOM)
def test_random_transforms(kind: str) -> None:
    """They are found out, whichever generator they use, and whatever they make."""
    found = check(RANDOM[kind])
    assert (found.same, found.differing) == (False, DIFFERENT)


def test_rare_random_transforms() -> None:
    """A transform of one sample in ten is found out in nearly all cases: 0.9^59 is 0.2%."""
    assert sum(check(rare(seed)).same is False for seed in range(20)) >= 19


def test_a_random_collate_function() -> None:
    """Masks that a collate function draws are found out."""
    found = check(plain, lambda samples: torch.rand(len(samples), 3))
    assert (found.same, found.differing) == (False, DIFFERENT)


def test_seeding_by_the_index_is_the_same() -> None:
    """A transform that draws by the index alone makes the same sample each time."""

    def draw(index: int) -> torch.Tensor:
        return torch.rand(3, generator=torch.Generator().manual_seed(index))

    assert check(draw).same is True
    assert check(lambda index: torch.tensor([float("nan"), index])).differing == ""


def test_the_order_of_a_sum_makes_no_difference() -> None:
    """The last bits of floating-point numbers may differ; those of other numbers may not."""
    turn = itertools.count()
    noise = lambda scale: 1 + scale * (next(turn) % 7)  # noqa: E731
    for dtype in (torch.float16, torch.float32, torch.float64):
        assert check(lambda index, dtype=dtype: torch.full((3,), 5, dtype=dtype) * noise(1e-8)).same
    assert not check(lambda index: torch.full((3,), 5.0) * noise(1e-3)).same
    assert not check(lambda index: torch.full((3,), 10**6) + next(turn) % 7).same


def pad(samples: list[Any]) -> Any:
    """Collate texts of varying length."""
    return torch.nn.utils.rnn.pad_sequence(samples, batch_first=True)


@pytest.mark.parametrize(
    ("make", "collate", "says"),
    [
        (lambda n: torch.zeros(1 + n % 3), None, "samples differ in shape"),
        (lambda n: torch.zeros(1 + n % 3), pad, "samples differ in shape"),
        (lambda n: torch.zeros(1, dtype=torch.int if n % 7 else torch.long), None, "samples differ in shape"),
        (lambda n: {"a": n} if n % 7 else {"b": n}, None, "samples differ in shape"),
        (lambda n: (n, "text"), None, "samples hold something else than tensors, arrays and numbers"),
        (lambda n: n, list, "samples hold something else than tensors, arrays and numbers"),
        (lambda n: n, lambda s: torch.tensor(s).float().mean(), ACROSS),
        (lambda n: n, lambda s: torch.tensor(s).float() / len(s), ACROSS),
        (lambda n: torch.zeros(4), lambda s: torch.stack(s, 1).view(4, -1), ACROSS),
        (lambda n: torch.zeros(4), lambda s: torch.zeros(len(s), len(s)), ACROSS),
        (lambda n: [][n], None, "a sample can't be read: IndexError: list index out of range"),
    ],
)
def test_samples_that_can_not_be_kept(make, collate, says) -> None:
    """One text says why. They are always the same, unless they can't be read."""
    found = check(make, collate)
    assert found.differing.startswith(says)
    assert found.same is (None if "read" in says else True)


def test_samples_that_fill_the_memory() -> None:
    """They may take four fifths of what is available."""
    needed = SAMPLES * 56
    assert check(plain, available_bytes=needed * 5 // 4).differing == ""
    found = check(plain, available_bytes=needed * 5 // 4 - 2)
    assert found.differing == "they take 27.3 KiB, 34.2 KiB are free"
    assert found.same


class Stream(IterableDataset[Any]):
    """A dataset without indices."""

    def __iter__(self):
        return iter([1])


class Moving(DataLoader[Any]):
    """A DataLoader that changes its batches."""

    def __iter__(self):
        return map(tuple, super().__iter__())


class Unsized:
    """A dataset that doesn't tell its length."""

    def __getitem__(self, index: int) -> int:
        return index


@pytest.mark.parametrize(
    ("loader", "says"),
    [
        (DataLoader(Stream()), "the dataset is iterable: samples have no index"),
        (DataLoader(Made(plain), batch_size=None), "the dataset makes the batches itself"),
        (Moving(Made(plain)), "Moving changes what a DataLoader delivers"),
        (DataLoader(Unsized(), batch_sampler=[[1]]), "the dataset has no length"),
        (DataLoader(Made(plain, 0), batch_sampler=[[1]]), "the dataset is empty"),
    ],
)
def test_loaders_without_samples_to_keep(loader, says) -> None:
    """They are told from others before a sample is fetched."""
    found = check_samples(loader)
    assert found.differing.startswith(says)
    assert (found.same, found.tried) == (None, 0)


@pytest.mark.parametrize(("sample_s", "tried", "repeats"), [(1 / 64, 65, 59), (0.3, 4, 4), (9.0, 2, 2)])
def test_slow_samples(sample_s: float, tried: int, repeats: int) -> None:
    """Time bounds how many are tried. How many were is told."""
    now = [0.0]

    def make(index: int) -> int:
        now[0] += sample_s
        return index

    found = check(make, clock=lambda: now[0])
    assert (found.tried, found.repeats) == (tried, repeats)
    assert found.sample_s == pytest.approx(sample_s)
    assert found.same
    # Two or more of them make a batch, for which they are fetched once more.
    assert now[0] / sample_s == pytest.approx(tried + repeats + max(2, repeats // 3))


def test_the_states_of_generators_stay() -> None:
    """Torch's, numpy's and Python's generators go on as if nothing had happened."""

    def draw() -> list[float]:
        return [torch.rand(()).item(), np.random.rand(), random.random()]

    random.seed(1)
    np.random.seed(1)
    torch.manual_seed(1)
    expected = draw()
    random.seed(1)
    np.random.seed(1)
    torch.manual_seed(1)
    check(lambda index: torch.rand(1))
    assert draw() == expected


@pytest.mark.parametrize("samples", [1, 2, TRIED, TRIED + 1, 60_000])
def test_indices_are_spread(samples: int) -> None:
    """They are different, hold both ends, and wherever one stops they lie apart."""
    indices = spread(samples, TRIED)
    assert len(set(indices)) == len(indices) == min(samples, TRIED)
    assert (min(indices), max(indices)) == (0, samples - 1)
    if samples > 10 * TRIED:
        gaps = np.diff(sorted(indices[:REPEATED]))
        assert gaps.max() < samples / 4


def test_batches_are_made_as_a_dataloader_makes_them() -> None:
    """A dataset with `__getitems__` is asked for several at once."""

    class Several(Made):
        def __getitems__(self, indices: list[int]) -> list[Any]:
            return [("several", index) for index in indices]

    assert fetch(DataLoader(Several(plain), collate_fn=list), [3, 5]) == [("several", 3), ("several", 5)]
    assert fetch(DataLoader(Made(lambda n: n), collate_fn=default_collate), [3, 5]).tolist() == [3, 5]
