"""Prefetcher on a simulated device that works as late as it may."""

from __future__ import annotations

import pytest
import torch

from loaders.data.batch import Batch
from loaders.data.rows import Rows
from loaders.device.chunk import Chunk
from loaders.device.pipeline import to_device
from loaders.device.prefetcher import Prefetcher
from loaders.ring.ring_loader import RingLoader
from tests.fakes import numbered_source, numbers_of
from tests.loaders.late_device import LateDevice
from tests.loaders.recorder import Recorder, record
from tests.loaders.strict_loader import StrictLoader

SAMPLES, BATCH_SIZE = 300, 32


def make_ring(seed: int = 0, **knobs) -> RingLoader:
    """Return a ring over numbered pictures."""
    source = numbered_source(SAMPLES)
    return RingLoader(Rows(source.images, source.labels), batch_size=BATCH_SIZE, seed=seed, **knobs)


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("eager", [False, True])
@pytest.mark.parametrize(("sizes", "split"), [([12] * 7 + [7], 4), ([12] * 7, 5), ([3], 4), ([4] * 5, 1)])
def test_batches_of_a_chunk_are_not_overwritten(seed, eager, sizes, split) -> None:
    """Each part is seen as it was, even if all work on a chunk is launched after its last part."""
    device = LateDevice(seed)
    pipeline = to_device(
        StrictLoader(sizes),
        device,
        "prefetch",
        reuses_buffers=True,
        chunk=Chunk(split, -(-max(sizes) // split)),
    )
    step = Recorder(device)
    for _ in range(2):
        pending: list[Batch] = []
        for batch in pipeline:
            pending.append(batch)
            if len(pending) == pipeline.chunk_batches:
                while pending:
                    step(pending.pop(0))
            if eager:
                device.work_a_little()
        while pending:
            step(pending.pop(0))
    device.synchronize()
    expected = torch.arange(sum(sizes)).repeat(2)
    assert torch.equal(torch.cat(step.labels), expected)
    assert [len(part) for part in step.labels][: -(-sizes[0] // split)] == [
        len(part) for part in torch.split(expected[: sizes[0]], split)
    ]


@pytest.mark.parametrize("seed", range(8))
def test_a_batch_can_still_be_used_when_the_next_is_there(seed) -> None:
    """Work on batch n that is launched just before batch n+2 is requested finds it whole."""
    device = LateDevice(seed)
    step = Recorder(device)
    before: Batch | None = None
    for batch in Prefetcher(StrictLoader([4] * 12), device, reuses_buffers=True):
        if before is not None:
            step(before)
        before = batch
        device.work_a_little()
    device.synchronize()
    assert torch.equal(torch.cat(step.labels), torch.arange(44))


def test_the_next_copy_is_launched_before_the_step() -> None:
    """A batch is delivered when the copy of the next one is launched; its stream waits for its own copy."""
    device = LateDevice()
    batches = iter(Prefetcher(StrictLoader([4] * 5), device, reuses_buffers=True))
    copies = device.streams[1]
    next(batches)
    launched = len(copies.work)
    device.work_until(lambda: not any(device.main.work))
    # The first batch is there, the second one still to be copied.
    assert 0 < len(copies.work) < launched


def test_memory_on_the_device_is_made_once() -> None:
    """Two epochs need four slots, each with images and labels."""
    device = LateDevice()
    pipeline = to_device(StrictLoader([4] * 9 + [1]), device, "prefetch", reuses_buffers=True)
    record(pipeline, device, epochs=2)
    assert device.made == 8


def test_two_epochs_side_by_side() -> None:
    """Each epoch has memory of its own."""
    device = LateDevice()
    prefetcher = Prefetcher(make_ring(threads=0), device, reuses_buffers=True)
    first, second = Recorder(device), Recorder(device)
    for one, other in zip(prefetcher, prefetcher, strict=True):
        first(one)
        second(other)
    device.synchronize()
    for step in (first, second):
        assert sorted(numbers_of(torch.cat(step.images)).tolist()) == list(range(SAMPLES))


def test_an_epoch_can_be_left_early() -> None:
    """No copy is under way then, and the next epoch is whole."""
    device = LateDevice()
    loader = make_ring(threads=1)
    pipeline = to_device(loader, device, "prefetch", reuses_buffers=True)
    epoch = iter(pipeline)
    next(epoch)
    epoch.close()
    _, labels = record(pipeline, device)
    assert len(labels) == SAMPLES


def test_the_number_of_batches() -> None:
    """The length is the loader's, or follows from its samples if batches are split."""
    assert len(Prefetcher(StrictLoader([1, 2]), LateDevice())) == 2
    assert len(to_device(StrictLoader([1, 2]), LateDevice(), "blocking")) == 2
    parts = to_device(make_ring(), LateDevice(), "prefetch", chunk=Chunk(8, 4))
    assert len(parts) == -(-SAMPLES // 8) == len(list(parts))
    with pytest.raises(TypeError, match="the loader has no `samples`"):
        len(Prefetcher(StrictLoader([1, 2]), LateDevice(), chunk=Chunk(1, 2)))
