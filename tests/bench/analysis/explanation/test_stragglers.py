"""The slowest batches, and whose samples they hold."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from bench.analysis.explanation.stragglers import find_slow_batches
from tests.bench.analysis.explanation.planted import BASE, gather
from tests.bench.analysis.replay.traces import MadeUpLoader

SLOW_SAMPLE = 1287


def make_evidence(loader: MadeUpLoader, *, shuffle: bool):
    """Return evidence in which one sample is slow, in batches that are shuffled anew in each epoch."""
    evidence = loader.make_evidence()
    random = np.random.default_rng(0)
    size = loader.batch_size
    blocks = []
    for block in evidence.blocks:
        traces = []
        for trace in block.traces:
            slow = int(np.argmax(trace.load_s[8:])) + 8
            order = np.arange(trace.batches * size)
            if shuffle:
                random.shuffle(order)
            # The slow sample lies in the slow batch.
            place = int(np.flatnonzero(order == SLOW_SAMPLE)[0])
            order[[slow * size, place]] = order[[place, slow * size]]
            indices = tuple(tuple(int(index) for index in row) for row in order.reshape(-1, size))
            traces.append(replace(trace, indices=indices))
        blocks.append(replace(block, traces=tuple(traces)))
    return replace(evidence, blocks=tuple(blocks))


def find(evidence):
    return find_slow_batches(gather(evidence))


def test_a_slow_sample_is_told_from_its_neighbours() -> None:
    """In other epochs these were in batches that were not slow."""
    found = find(make_evidence(replace(BASE, slow={30: 0.3}), shuffle=True))
    assert [slow.indices for slow in found] == [(SLOW_SAMPLE,)]
    assert found[0].number == 30
    assert found[0].load_s > 0.3 > 10 * found[0].typical_s


def test_without_shuffling_the_batch_is_named() -> None:
    """Its samples are always together."""
    found = find(make_evidence(replace(BASE, slow={40: 0.3}), shuffle=False))
    assert len(found) == 1
    assert len(found[0].indices) == 32
    assert SLOW_SAMPLE in found[0].indices


def test_batches_that_are_slow_by_chance_blame_no_sample() -> None:
    """Another one in each epoch: they are named by number where they cost much, and not at all else."""
    evidence = BASE.make_evidence()
    for slow_s, names in ((0.4, True), (0.012, False)):
        blocks = []
        for block in evidence.blocks:
            other = replace(BASE, slow={10 + 5 * block.block: slow_s}).make_evidence().blocks[0]
            blocks.append(replace(other, block=block.block))
        found = find(replace(evidence, blocks=tuple(blocks)))
        assert [slow.indices for slow in found] == [()] * 5 * names


def test_own_waits_are_told_from_those_of_the_queue() -> None:
    """Behind a long step, a slow batch is ready before it is asked for."""
    waited = find(replace(BASE, slow={30: 0.3}).make_evidence())
    assert all(slow.is_own and slow.wait_s > 0.2 for slow in waited)
    hidden = find(replace(BASE, slow={30: 0.3}, step_s=0.2).make_evidence())
    assert hidden
    assert not any(slow.is_own for slow in hidden)


def test_even_times_have_no_stragglers() -> None:
    """However long they are."""
    assert find(replace(BASE, fetch_s=0.5).make_evidence()) == ()


def test_first_batches_of_workers_belong_to_the_start() -> None:
    """They open files, and no sample of theirs is slow."""
    assert find(replace(BASE, first_s=0.5).make_evidence()) == ()


def test_indices_that_are_not_known_leave_the_number() -> None:
    """An iterable dataset names no samples."""
    evidence = replace(BASE, slow={30: 0.3, 50: 0.4}).make_evidence()
    blocks = tuple(
        replace(block, traces=tuple(replace(trace, indices=()) for trace in block.traces))
        for block in evidence.blocks
    )
    found = find(replace(evidence, blocks=blocks))
    assert [(slow.number, slow.indices) for slow in found] == [(50, ()), (30, ())]
