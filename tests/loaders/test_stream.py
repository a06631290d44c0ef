"""stream: shards that workers share, and the shuffle buffer."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import chain
from pathlib import Path

import numpy as np
import pytest
import torch

from loaders.data.batch import Batch
from loaders.data.errors import DataError
from loaders.data.image_split import ImageSplit
from loaders.families.stream import SHARDS, ShardStream, Stream, shard_size, share_of
from tests.fakes import label_of, numbered_source, numbers_of

SAMPLES = 300
SEED = 3


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> ImageSplit:
    """Numbered pictures, with a folder for the shards."""
    return numbered_source(SAMPLES, side=8, folder=tmp_path_factory.mktemp("shards"))


def epoch(loader: Iterable[Batch]) -> list[list[int]]:
    """Return the sample numbers of each batch; check the labels."""
    batches = []
    for images, labels in loader:
        numbers = numbers_of(images)
        assert torch.equal(labels, label_of(numbers))
        batches.append(numbers.tolist())
    return batches


def sizes_of(batch_size: int) -> list[int]:
    """Return the sizes of an epoch's batches, the smaller one last."""
    full, rest = divmod(SAMPLES, batch_size)
    return [batch_size] * full + [rest] * bool(rest)


@pytest.mark.parametrize("num_workers", [0, 1, 2, 3])
@pytest.mark.parametrize("batch_size", [50, 64, 77, 299, 301])
def test_each_sample_once_and_the_short_batch_last(
    source: ImageSplit, num_workers: int, batch_size: int
) -> None:
    """This holds for buffers smaller than a batch, larger, and larger than the data; and without shuffle."""
    spec = Stream(num_workers=num_workers, batch_size=batch_size)
    for buffer in (1, 100, 10**8):
        loader = spec.with_knobs({"shuffle_buffer": buffer}).build(source, shuffle=True, seed=SEED)
        batches = epoch(loader)
        assert [len(batch) for batch in batches] == sizes_of(batch_size)
        assert sorted(chain(*batches)) == list(range(SAMPLES))
    stored = epoch(spec.build(source, shuffle=False, seed=SEED))
    assert [len(batch) for batch in stored] == sizes_of(batch_size)
    assert list(chain(*stored)) == list(range(SAMPLES))


def test_more_workers_than_batches(source: ImageSplit) -> None:
    """Workers without a batch deliver nothing, in every epoch."""
    spec = Stream(num_workers=3, batch_size=200, persistent_workers=True)
    loader = spec.build(source, shuffle=True, seed=SEED)
    for _ in range(2):
        assert sorted(chain(*epoch(loader))) == list(range(SAMPLES))


@pytest.mark.parametrize("workers", [1, 2, 3, 5, 40])
@pytest.mark.parametrize("batch_size", [1, 7, 64, 150, 300, 1000])
def test_shares_follow_the_round_robin(workers: int, batch_size: int) -> None:
    """Shares lie end to end, and hold as many batches as the DataLoader requests of each worker."""
    shares = [share_of(w, workers, samples=SAMPLES, batch_size=batch_size) for w in range(workers)]
    assert [place for share in shares for place in share] == list(range(SAMPLES))
    expected = [0] * workers
    for turn, size in enumerate(sizes_of(batch_size)):
        expected[turn % workers] += size
    assert [len(share) for share in shares] == expected


def test_workers_share_border_shards_at_most(tmp_path: Path) -> None:
    """Of 40 shards in a random order, neighbouring workers share at most one, others none."""
    samples, workers = 160_000, 4
    order = np.random.default_rng(0).permutation(-(-samples // shard_size(samples)))
    stream = ShardStream(tmp_path, (samples, 8, 8), order)
    read = []
    for worker in range(workers):
        share = share_of(worker, workers, samples=samples, batch_size=256)
        turns = np.searchsorted(stream.starts, [share.start, share.stop - 1], side="right") - 1
        read.append(set(order[turns[0] : turns[1] + 1].tolist()))
    assert set.union(*read) == set(range(len(order)))
    for worker, shards in enumerate(read):
        for other in range(worker + 1, workers):
            assert len(shards & read[other]) <= (other == worker + 1)


def test_a_span_is_read_from_all_its_shards(source: ImageSplit) -> None:
    """A span over three shards has exactly their rows, in the stream's order."""
    size = shard_size(SAMPLES)
    stored = torch.arange(SAMPLES).split(size)
    order = np.random.default_rng(0).permutation(len(stored))
    stream = ShardStream(SHARDS.prepare(source), tuple(source.images.shape), order)
    expected = torch.cat([stored[shard] for shard in order])[size - 2 : 2 * size + 2]
    images, labels = stream.copy(range(size - 2, 2 * size + 2))
    assert torch.equal(torch.from_numpy(images), source.images[expected])
    assert torch.equal(torch.from_numpy(labels), source.labels[expected])


@pytest.mark.parametrize("context", ["fork", "spawn"])
def test_persistent_workers_get_the_next_order(source: ImageSplit, context: str) -> None:
    """Each epoch has its own order, with persistent and with new workers."""
    spec = Stream(num_workers=2, batch_size=64, shuffle_buffer=100)
    lasting = {"persistent_workers": True, "multiprocessing_context": context}
    orders = []
    for own in (spec, spec.with_knobs(lasting)):
        loader = own.build(source, shuffle=True, seed=SEED)
        orders.append([epoch(loader) for _ in range(3)])
    assert orders[0] == orders[1]
    assert orders[0][0] != orders[0][1] != orders[0][2] != orders[0][0]


def test_an_epoch_that_is_left_early_disturbs_no_other(source: ImageSplit) -> None:
    """The next epoch is whole, and its order is unchanged."""
    for persistent in (False, True):
        spec = Stream(num_workers=2, batch_size=32, persistent_workers=persistent)
        whole, left = (spec.build(source, shuffle=True, seed=SEED) for _ in range(2))
        epoch(whole)
        next(iter(left))
        assert epoch(left) == epoch(whole)


def test_two_epochs_side_by_side(source: ImageSplit) -> None:
    """Each iterator keeps the epoch that it was started for."""
    spec = Stream(num_workers=2, batch_size=64)
    loaders = [spec.build(source, shuffle=True, seed=SEED) for _ in range(2)]
    chunk_batches = [iter(loaders[0]), iter(loaders[0])]
    assert [epoch(one) for one in chunk_batches] == [epoch(loaders[1]), epoch(loaders[1])]


def test_shards_come_in_another_order_each_epoch(tmp_path: Path) -> None:
    """If batch and buffer have the size of a shard, each batch is one shard."""
    source = numbered_source(320, side=8, folder=tmp_path)
    loader = Stream(num_workers=0, batch_size=20, shuffle_buffer=1).build(source, shuffle=True, seed=SEED)
    orders = []
    for _ in range(2):
        shards = [{number // 20 for number in batch} for batch in epoch(loader)]
        assert [len(shard) for shard in shards] == [1] * 16
        orders.append(list(chain(*shards)))
    assert orders[0] != orders[1]
    assert list(range(16)) not in orders


def shuffle_quality(batches: list[list[int]]) -> float:
    """Return the spread of the numbers within a batch, divided by that of a uniform shuffle."""
    spread = np.mean([np.var(batch, ddof=1) for batch in batches])
    return float(np.sqrt(spread / (SAMPLES * (SAMPLES + 1) / 12)))


def test_a_larger_buffer_mixes_better(source: ImageSplit) -> None:
    """A buffer of one batch mixes two or three shards; a buffer of all samples shuffles uniformly."""
    spreads = []
    for buffer in (1, 100, SAMPLES):
        loader = Stream(num_workers=0, batch_size=20, shuffle_buffer=buffer).build(
            source, shuffle=True, seed=SEED
        )
        spreads.append(float(np.mean([shuffle_quality(epoch(loader)) for _ in range(20)])))
    assert spreads[0] + 0.1 < spreads[1] < spreads[2] - 0.02
    assert spreads[2] == pytest.approx(1, abs=0.05)


def test_a_buffer_draws_all_places_alike(source: ImageSplit) -> None:
    """With a buffer of all samples, a sample is as likely in the first batch as in any other."""
    loader = Stream(num_workers=0, batch_size=30, shuffle_buffer=SAMPLES).build(
        source, shuffle=True, seed=SEED
    )
    first = np.bincount(list(chain(*(epoch(loader)[0] for _ in range(100)))), minlength=SAMPLES)
    # Binomial, 100 draws of probability 0.1: the variance is 9.
    assert 6 < first.var() < 12


def test_progress_counts_samples_and_shards_are_several(tmp_path: Path) -> None:
    """A small dataset is cut into at least 16 shards; data without a folder is refused."""
    source, told = numbered_source(SAMPLES, side=8, folder=tmp_path), []
    Stream().prepare(source, lambda done, of: told.append((done, of)))
    assert told[-1] == (SAMPLES, SAMPLES)
    assert len(told) == len(list(SHARDS.folder(source).glob("*-images.npy"))) >= 16
    with pytest.raises(DataError, match="without a folder"):
        Stream().build(numbered_source(SAMPLES), shuffle=True, seed=SEED)
