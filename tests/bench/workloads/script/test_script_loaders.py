"""How a DataLoader of a script is known again, and what is counted of it."""

from __future__ import annotations

import torch
from torch.utils.data import BatchSampler, DataLoader, IterableDataset, RandomSampler, TensorDataset

from bench.workloads.audit.quick_count import make_counter
from bench.workloads.script.script_loaders import LoaderKeys
from bench.workloads.script.script_tally import CountedIterator, LoaderTally


class Stream(IterableDataset):
    def __iter__(self):
        yield from range(10)


def points(count: int) -> TensorDataset:
    return TensorDataset(torch.zeros(count, 2))


def test_loaders_are_told_apart() -> None:
    """By dataset, length, batch size and sampler; by their order where these are the same."""
    keys = LoaderKeys()
    loaders = [
        DataLoader(points(10), 2),
        DataLoader(points(12), 2),
        DataLoader(points(10), 4),
        DataLoader(points(10), 2, shuffle=True),
        DataLoader(points(10), 2),
        DataLoader(Stream(), 2),
    ]
    found = [keys.find(loader) for loader in loaders]
    assert len(set(found)) == len(loaders)
    assert [key.ordinal for key in found] == [0, 0, 0, 0, 1, 0]
    assert [keys.find(loader) for loader in loaders] == found
    again = LoaderKeys()
    assert [again.find(loader) for loader in loaders] == found


def test_the_sampler_of_a_batch_sampler_counts() -> None:
    """Accelerate gives the order by a batch sampler; DataLoader's own sampler is not used then."""
    dataset = points(10)
    batches = BatchSampler(RandomSampler(dataset), 2, drop_last=False)
    assert LoaderKeys().find(DataLoader(dataset, batch_sampler=batches)).sampler == "RandomSampler"
    assert LoaderKeys().find(DataLoader(dataset, batch_sampler=[[1, 2], [3]])).sampler == "SequentialSampler"


def test_a_loader_that_is_made_anew_is_the_same() -> None:
    """Over the same dataset, or over a new one where the old one is gone."""
    keys = LoaderKeys()
    dataset = points(10)
    assert keys.find(DataLoader(dataset, 2)) == keys.find(DataLoader(dataset, 2))
    assert [keys.find(DataLoader(points(7), 2)).ordinal for _ in range(3)] == [0, 0, 0]
    # A list takes no weak reference.
    numbers = [1, 2, 3]
    assert keys.find(DataLoader(numbers)) == keys.find(DataLoader(numbers))
    assert keys.find(DataLoader([4, 5, 6])).ordinal == 1


def run(tally: LoaderTally, loader: DataLoader, limit: int | None = None, stop_at: int | None = None) -> None:
    tally.open(loader)
    for number, _ in enumerate(CountedIterator(iter(loader), tally, lambda: None, limit), 1):
        if number == stop_at:
            break


def test_epochs_are_counted() -> None:
    """A look at one batch is no epoch; an epoch that is cut short weighs as much as a whole one."""
    loader = DataLoader(points(10), 2)
    key = LoaderKeys().find(loader)
    tally = LoaderTally("points", key)
    run(tally, loader, stop_at=1)
    assert (tally.epochs, tally.weight) == (0, 2)
    run(tally, loader)
    run(tally, loader, stop_at=3)
    assert (tally.epochs, tally.weight) == (2, 2 + 10 + 6)
    found = tally.find()
    assert (found.facts.samples, found.facts.batches, found.facts.batch_samples) == (10, 5, 2)
    cut = LoaderTally("points", key)
    run(cut, loader, limit=2)
    assert (cut.epochs, cut.weight, cut.find().facts.samples) == (1, 10, 4)
    run(cut, loader, limit=1)
    assert (cut.epochs, cut.weight) == (2, 20)


def test_an_iterator_that_is_kept_counts_once() -> None:
    """It is over as soon as the next one is opened."""
    loader = DataLoader(points(10), 2)
    tally = LoaderTally("points", LoaderKeys().find(loader))
    tally.open(loader)
    kept = CountedIterator(iter(loader), tally, lambda: None, None)
    next(kept), next(kept)
    run(tally, loader)
    next(kept)
    del kept
    assert (tally.epochs, tally.weight) == (2, 4 + 10)


def test_samples_are_counted_by_the_form_of_the_first_batch() -> None:
    """Whatever it is, and a smaller last batch is counted by the same place."""

    def make(count: int) -> list:
        images, labels = torch.zeros(count, 3), torch.zeros(count)
        weights = torch.zeros(4)
        return [
            images,
            (images, labels),
            {"name": ["a"] * count, "weights": weights, "images": images},
            ((images, labels), labels),
        ]

    for first, last in zip(make(4), make(3), strict=True):
        count = make_counter(first)
        assert (count(first), count(last)) == (4, 3)


def test_a_pass_whose_end_is_not_awaited_weighs_as_a_whole_one() -> None:
    """A long epoch weighs more than a short one that has ended."""
    loader = DataLoader(points(10), 2)
    tally = LoaderTally("points", LoaderKeys().find(loader))
    tally.open(loader)
    next(CountedIterator(iter(loader), tally, lambda: None, None))
    tally.open(loader)
    kept = CountedIterator(iter(loader), tally, lambda: None, None)
    next(kept)
    tally.interrupt()
    assert (tally.epochs, tally.weight, tally.find().facts.samples) == (0, 2 + 10, 10)


def test_samples_of_the_first_batch_are_kept_where_they_are_pictures() -> None:
    """A page shows them."""
    pictures = [(torch.full((1, 8, 8), n / 10), n) for n in range(10)]
    found = {}
    for name, dataset in {"pictures": pictures, "points": [(torch.zeros(2), 0)] * 4}.items():
        loader = DataLoader(dataset, batch_size=4)
        tally = LoaderTally(name, LoaderKeys().find(loader))
        run(tally, loader)
        found[name] = tally.find().pictures
    assert [one.label for one in found["pictures"].pictures] == ["0", "1", "2", "3"]
    assert found["points"] is None
