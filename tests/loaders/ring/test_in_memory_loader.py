"""InMemoryLoader: the form, order and validity of its batches, and what it refuses."""

from __future__ import annotations

import itertools
import threading
import time
from collections import UserDict, namedtuple
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch.utils.data import (
    BatchSampler,
    DataLoader,
    Dataset,
    IterableDataset,
    SubsetRandomSampler,
    TensorDataset,
)

from loaders.data.batch_format import SampleError
from loaders.data.decoded_samples import DecodedSamples, fetch
from loaders.data.nested_batch import iterate_leaves
from loaders.ring import InMemoryLoader, in_memory_loader

SAMPLES, BATCH = 203, 16
Pair = namedtuple("Pair", "image label")


@dataclass
class Record:
    """A batch as a dataclass."""

    image: torch.Tensor
    row: torch.Tensor


class Numbered(Dataset[Any]):
    """Samples that are known by their numbers, in a form that `make` decides."""

    def __init__(self, make=lambda number: (torch.full((3, 5), float(number)), number)) -> None:
        self.make = make
        self.asked: list[int] = []

    def __len__(self) -> int:
        return SAMPLES

    def __getitem__(self, number: int) -> Any:
        if not 0 <= number < SAMPLES:
            raise IndexError(number)
        self.asked.append(number)
        return self.make(number)


def stack(samples: list[Any]) -> Any:
    """Collate arrays into arrays."""
    return {"words": np.stack([np.full(3, f"w{number:03}") for number in samples]), "id": np.array(samples)}


FORMS = {
    "tuple": (None, None),
    "dict": (lambda n: {"a": torch.tensor([n, n]), "b": {"c": n / 2, "d": n % 2 == 0}}, None),
    "named tuple": (lambda n: Pair(torch.full((2,), n, dtype=torch.bfloat16), n), None),
    "odd bytes": (lambda n: (torch.full((13,), n, dtype=torch.uint8), torch.tensor(n % 3 == 0)), None),
    "complex and half": (lambda n: [torch.tensor([complex(n, -n)]), torch.tensor(n).half()], None),
    "empty rows": (lambda n: (torch.empty(0, 4), n), None),
    "arrays": (lambda n: n, stack),
    "dates": (
        lambda n: n,
        lambda samples: [np.array(samples, "datetime64[s]"), np.array([(n, 1.5) for n in samples], "i4,f8")],
    ),
    "dataclass": (lambda n: n, lambda s: Record(torch.tensor(s).float(), torch.tensor(s)[:, None])),
    "mapping": (lambda n: n, lambda s: UserDict(ids=torch.tensor(s))),
    "transposed": (lambda n: n, lambda s: torch.arange(4)[:, None].add(torch.tensor(s)).T),
}


def make_loader(dataset: Dataset[Any] | None = None, **arguments: Any) -> DataLoader[Any]:
    return DataLoader(dataset or Numbered(), **{"batch_size": BATCH, "shuffle": True, **arguments})


def keep(loader: DataLoader[Any], **arguments: Any) -> InMemoryLoader:
    return InMemoryLoader(loader, **{"num_workers": 0, "threads": 0, **arguments})


def compare(ours: Any, theirs: Any) -> None:
    """Compare two batches in structure, kind, dtype, shape and bytes."""
    assert type(ours) is type(theirs)
    if isinstance(theirs, dict | UserDict):
        assert list(ours) == list(theirs)
    pairs = list(zip(iterate_leaves(ours), iterate_leaves(theirs), strict=True))
    assert pairs
    for one, other in pairs:
        assert type(one) is type(other)
        assert one.dtype == other.dtype
        assert one.shape == other.shape
        assert np.asarray(one.tolist()).tolist() == np.asarray(other.tolist()).tolist()


def run(loader: Any, epochs: int = 2) -> list[int]:
    return [number for _ in range(epochs) for _, labels in loader for number in labels.tolist()]


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("threads", [0, 2])
def test_batches_are_those_of_the_dataloader(form: str, threads: int) -> None:
    """Structure, kind, dtype, shape, bytes and order are the same for the same seed, in two epochs."""
    make, collate = FORMS[form]
    loader = make_loader(Numbered(make) if make else None, collate_fn=collate)
    ours = keep(loader, threads=threads)
    assert len(ours) == len(loader)
    torch.manual_seed(4)
    expected = [list(loader), list(loader)]
    torch.manual_seed(4)
    for batches in expected:
        # Ours are compared while they are valid.
        for one, other in zip(ours, batches, strict=True):
            compare(one, other)


def test_each_sample_is_asked_for_once() -> None:
    """Epochs ask for none."""
    dataset = Numbered()
    ours = keep(make_loader(dataset))
    assert dataset.asked == list(range(SAMPLES))
    run(ours)
    assert len(dataset.asked) == SAMPLES


class OneFile(Dataset[Any]):
    """Numbers in a file that is opened when the first one is asked for."""

    def __init__(self, path: Path) -> None:
        path.write_bytes(np.arange(SAMPLES * 1000).tobytes())
        self.path = path
        self.file: Any = None

    def __len__(self) -> int:
        return SAMPLES

    def __getitem__(self, number: int) -> Any:
        if self.file is None:
            self.file = self.path.open("rb", buffering=0)
        self.file.seek(number * 8000)
        return np.frombuffer(self.file.read(8000), np.int64).copy()


def test_workers_share_no_open_file(tmp_path: Path) -> None:
    """The first sample is asked for in a worker: forked workers would share the position of an open file."""
    dataset = OneFile(tmp_path / "numbers")
    ours = keep(make_loader(dataset, shuffle=False), num_workers=2)
    assert dataset.file is None
    assert torch.equal(torch.cat([rows.clone() for rows in ours]).flatten(), torch.arange(SAMPLES * 1000))


def test_workers_decode_in_order_and_progress_is_told() -> None:
    """The samples that two workers decode lie at their numbers."""
    told: list[tuple[int, int]] = []
    ours = keep(make_loader(shuffle=False), num_workers=2, progress=lambda *done: told.append(done))
    assert run(ours, 1) == list(range(SAMPLES))
    assert told[-1] == (SAMPLES, SAMPLES)
    assert len(told) > 1


@pytest.mark.parametrize("threads", [0, 1, 3])
def test_a_batch_is_valid_until_the_second_one_after_it_is_requested(threads: int) -> None:
    """Batches n and n+1 are unchanged until batch n+2 is requested; some older ones change."""
    kept = []
    for images, labels in keep(make_loader(), threads=threads):
        kept.append((images, images.clone(), labels, labels.clone()))
        if threads:
            time.sleep(0.002)  # time for threads to load ahead as far as they may
        for images, known_images, labels, known_labels in kept[-2:]:
            assert torch.equal(images, known_images)
            assert torch.equal(labels, known_labels)
    assert any(not torch.equal(images, known) for images, known, _, _ in kept[:-2])


def test_copies_stay_valid() -> None:
    """They stay valid into the next epoch."""
    ours = keep(make_loader(), copy=True, threads=1)
    kept = [(images, images.clone()) for images, _ in itertools.chain(ours, ours)]
    assert all(torch.equal(images, known) for images, known in kept)
    assert not ours.reuses_buffers


def test_autograd_notices_an_overwritten_batch() -> None:
    """A graph over more batches than stay valid raises. Steps over two batches raise nothing."""
    weight = torch.zeros(15, 4, requires_grad=True)
    total = before = torch.zeros(())
    for images, _ in keep(make_loader()):
        outputs = images.flatten(1) @ weight
        (before + outputs.sum()).backward()
        before = (images.flatten(1) @ weight).mean()
        total = total + (images.flatten(1) @ weight).sum()
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        total.backward()


def test_an_attribute_of_a_batch_does_not_stay() -> None:
    """A batch whose tensors are set to require a gradient changes no later one."""
    for images, _ in keep(make_loader()):
        assert not images.requires_grad
        images.requires_grad_()


@pytest.mark.parametrize("threads", [0, 2])
def test_batches_of_varying_size(threads: int) -> None:
    """A batch sampler may yield larger batches later; each batch has its own samples."""
    plan = [[5], [7, 9, 1], list(range(100)), [2, 2], list(range(SAMPLES))]
    ours = keep(make_loader(batch_size=1, batch_sampler=plan, shuffle=False), threads=threads)
    assert [labels.tolist() for _, labels in ours] == plan
    assert [images[:, 0, 0].int().tolist() for images, _ in ours] == plan


def test_a_sampler_of_some_samples() -> None:
    """Only what the sampler asks for is delivered, as tensors of indices too."""
    sampler = SubsetRandomSampler(torch.arange(50, 90), generator=torch.Generator().manual_seed(0))
    ours = keep(make_loader(sampler=sampler, shuffle=False, drop_last=True))
    numbers = run(ours, 1)
    assert len(numbers) == len(set(numbers)) == 32
    assert set(numbers) <= set(range(50, 90))


@pytest.mark.parametrize(
    ("plan", "says"),
    [
        ([[1, SAMPLES]], f"sample {SAMPLES}, expected 0 to {SAMPLES - 1}"),
        ([[-1]], "sample -1"),
        ([["one"]], "asks for .*one.*expected a list of numbers"),
        ([[]], r"asks for \[\]"),
        ([[1.5]], "asks for .*1.5"),
    ],
)
def test_an_index_that_is_no_sample(plan, says) -> None:
    """The error names it, and no thread stays."""
    ours = keep(make_loader(batch_size=1, batch_sampler=plan, shuffle=False), threads=1)
    before = threading.active_count()
    with pytest.raises(IndexError, match=says):
        list(ours)
    assert threading.active_count() == before


def test_two_epochs_at_once_and_one_that_is_left_early() -> None:
    """Each iterator has a ring of its own, and the epoch after one that was left is whole."""
    ours = keep(make_loader(), threads=1)
    first, second = [], []
    for (_, one), (_, other) in zip(ours, ours, strict=True):
        first += one.tolist()
        second += other.tolist()
    assert sorted(first) == sorted(second) == list(range(SAMPLES))
    batches = iter(ours)
    next(batches)
    del batches
    assert sorted(run(ours, 1)) == list(range(SAMPLES))


@pytest.mark.parametrize(
    ("make", "collate", "says"),
    [
        (lambda n: torch.zeros(1 + (n > 0)), None, "differ in shape"),
        (lambda n: torch.zeros(1, dtype=torch.int8 if n == 0 else torch.int16), None, "differ in shape"),
        (lambda n: {"a" if n == 0 else "b": n}, None, "differ in shape"),
        (lambda n: "word", None, "something else"),
        (lambda n: n, lambda samples: torch.tensor(samples).sum(), "works across samples"),
        (lambda n: n, lambda samples: torch.zeros(7), "works across samples"),
        (lambda n: n, lambda samples: np.array([object()] * len(samples)), "something else"),
    ],
)
def test_samples_that_do_not_fit_a_table(make, collate, says) -> None:
    """One line says why."""
    with pytest.raises(SampleError, match=says):
        keep(make_loader(Numbered(make), collate_fn=collate))


class Endless(IterableDataset[Any]):
    """A dataset without indices."""

    def __iter__(self):
        return itertools.count()


@pytest.mark.parametrize(
    ("make", "arguments", "says"),
    [
        (lambda: DataLoader(Endless()), {}, "an iterable dataset"),
        (lambda: DataLoader(Numbered(), batch_size=None), {}, "no batch sampler"),
        (make_loader, {"prefetch": 0}, "prefetch is 0, expected 1 or more"),
        (make_loader, {"threads": -1}, "threads is -1, expected 0 or more"),
        (make_loader, {"num_workers": -1}, "num_workers is -1"),
    ],
)
def test_what_is_refused(make, arguments, says) -> None:
    """The error says what was given, and what is allowed."""
    with pytest.raises(ValueError, match=says):
        keep(make(), **arguments)


def test_samples_survive_a_file(tmp_path) -> None:
    """What was written is read again; a file of another dataset is refused."""
    loader = make_loader(shuffle=False)
    path = tmp_path / "samples"
    with path.open("wb") as file:
        DecodedSamples.decode(loader, num_workers=0).write(file)
    with path.open("rb") as file:
        samples = DecodedSamples.read(file, loader)
    compare(next(iter(keep(loader, samples=samples))), fetch(loader, list(range(BATCH))))
    path.write_bytes(path.read_bytes()[:-1])
    with path.open("rb") as file, pytest.raises(SampleError, match="fewer"):
        DecodedSamples.read(file, loader)
    part = DecodedSamples(samples.format, tuple(column[:9] for column in samples.columns))
    with pytest.raises(ValueError, match=f"samples are 9, expected {SAMPLES}"):
        keep(loader, samples=part)


def test_the_state_of_torch_is_that_of_a_dataloader() -> None:
    """Decoding and epochs leave torch's generator as the DataLoader's epochs do."""
    states = []
    loader = make_loader()
    for make in (lambda: loader, lambda: keep(loader, num_workers=1)):
        torch.manual_seed(9)
        run(make())
        states.append(torch.get_rng_state())
    assert torch.equal(*states)


def test_a_batch_sampler_of_ones_own_decides_the_size() -> None:
    """PyTorch's BatchSampler around a sampler of one's own is asked anew each epoch."""
    sampler = BatchSampler(SubsetRandomSampler(range(SAMPLES)), 50, drop_last=False)
    ours = keep(make_loader(batch_size=1, shuffle=False, batch_sampler=sampler))
    first, second = run(ours, 1), run(ours, 1)
    assert first != second
    assert sorted(first) == sorted(second) == list(range(SAMPLES))


@pytest.mark.cuda
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_page_locked_batches() -> None:
    """Tensors lie in page-locked memory."""
    assert all(
        images.is_pinned() and labels.is_pinned() for images, labels in keep(make_loader(), pin_memory=True)
    )


def test_small_batches_are_not_handed_over(monkeypatch: pytest.MonkeyPatch) -> None:
    """By default a thread helps only where copying a batch takes longer than handing it over."""
    monkeypatch.setattr(in_memory_loader, "idle_cores", lambda: 2)
    dataset = TensorDataset(torch.zeros(200, 1000))
    found = [InMemoryLoader(DataLoader(dataset, size), num_workers=0).threads for size in (50, 99, 100, 200)]
    assert found == [0, 0, 2, 2]
