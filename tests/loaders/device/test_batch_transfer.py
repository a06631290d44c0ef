"""Transfers in the right order, on a device that is as late as it may be."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import torch

from loaders.data.batch import Batch
from loaders.data.rows import Rows
from loaders.device.chunk import Chunk
from loaders.device.device import CudaDevice
from loaders.device.device_transform import DeviceTransform
from loaders.device.pipeline import TRANSFERS, to_device
from loaders.device.prefetcher import Prefetcher
from loaders.families.memory_map import MemoryMap
from loaders.families.tensor_slice import TensorSlice
from loaders.ring.ring_loader import RingLoader
from tests.fakes import label_of, numbered_source, numbers_of
from tests.loaders.late_device import LateDevice

SAMPLES, BATCH_SIZE = 300, 32


def ring(seed: int = 0, **knobs) -> RingLoader:
    """A ring over numbered pictures."""
    source = numbered_source(SAMPLES)
    return RingLoader(Rows(source.images, source.labels), batch_size=BATCH_SIZE, seed=seed, **knobs)


class Strict:
    """A loader whose batches are spoilt the moment they are no longer promised to be valid."""

    def __init__(self, sizes: list[int]) -> None:
        self.sizes = sizes
        self.given: list[Batch] = []

    def __len__(self) -> int:
        return len(self.sizes)

    def __iter__(self) -> Iterator[Batch]:
        while self.given:
            spoil(self.given.pop())
        start = 0
        for size in [*self.sizes, 0]:
            if len(self.given) == 2:
                spoil(self.given.pop(0))
            if size:
                numbers = torch.arange(start, start + size)
                images = numbers.to(torch.float32).view(-1, 1, 1, 1).repeat(1, 1, 2, 2)
                self.given.append((images, numbers))
                yield images, numbers
                start += size


def spoil(batch: Batch) -> None:
    batch[0].fill_(-7)
    batch[1].fill_(-7)


class Recorder:
    """A step on the device that keeps what it finds there when its turn comes."""

    def __init__(self, device: LateDevice) -> None:
        self.device = device
        self.images: list[torch.Tensor] = []
        self.labels: list[torch.Tensor] = []

    def __call__(self, images: torch.Tensor, labels: torch.Tensor) -> None:
        def keep() -> None:
            self.images.append(images.clone())
            self.labels.append(labels.clone())

        self.device.launch(keep)


def seen(pipeline, device: LateDevice, epochs: int = 1, *, eager: bool = False) -> Batch:
    """What steps saw of epochs in a row, without a wait between them."""
    step = Recorder(device)
    for _ in range(epochs):
        for images, labels in pipeline:
            step(images, labels)
            if eager:
                device.work_a_little()
    device.synchronize()
    return torch.cat(step.images), torch.cat(step.labels)


@pytest.mark.parametrize("transfer", TRANSFERS)
@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("eager", [False, True])
@pytest.mark.parametrize("sizes", [[4] * 9 + [1], [4], [], [2, 5, 3, 5, 1, 1, 7], [3, 3]])
def test_no_batch_is_written_over_before_it_was_used(transfer, seed, eager, sizes) -> None:
    """Each step sees its own batch, though the loader spoils them as early and the device works as late."""
    device = LateDevice(seed)
    pipeline = to_device(Strict(sizes), device, transfer, reuses_buffers=True)
    if not sizes:
        assert list(pipeline) == []
        return
    images, labels = seen(pipeline, device, epochs=2, eager=eager)
    expected = torch.arange(sum(sizes)).repeat(2)
    assert torch.equal(labels, expected)
    assert torch.equal(images[:, 0, 1, 1], expected.to(torch.float32))


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("eager", [False, True])
@pytest.mark.parametrize(("sizes", "split"), [([12] * 7 + [7], 4), ([12] * 7, 5), ([3], 4), ([4] * 5, 1)])
def test_batches_that_are_split_are_not_written_over(seed, eager, sizes, split) -> None:
    """Each part is seen as it was, also when the work on all of them is put off until the last is there."""
    device = LateDevice(seed)
    pipeline = to_device(
        Strict(sizes),
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
                    step(*pending.pop(0))
            if eager:
                device.work_a_little()
        while pending:
            step(*pending.pop(0))
    device.synchronize()
    expected = torch.arange(sum(sizes)).repeat(2)
    assert torch.equal(torch.cat(step.labels), expected)
    assert [len(part) for part in step.labels][: -(-sizes[0] // split)] == [
        len(part) for part in torch.split(expected[: sizes[0]], split)
    ]


@pytest.mark.parametrize("seed", range(8))
def test_a_batch_can_still_be_used_when_the_next_is_there(seed) -> None:
    """Work on a batch that is launched just before the second one after it is asked for finds it whole."""
    device = LateDevice(seed)
    step = Recorder(device)
    before: Batch | None = None
    for batch in Prefetcher(Strict([4] * 12), device, reuses_buffers=True):
        if before is not None:
            step(*before)
        before = batch
        device.work_a_little()
    device.synchronize()
    assert torch.equal(torch.cat(step.labels), torch.arange(44))


@pytest.mark.parametrize("transfer", ["non_blocking", "prefetch"])
def test_the_guard_is_what_keeps_it_right(transfer) -> None:
    """Told that the batches last, which they don't, the same device finds them spoilt: the test can fail."""
    device = LateDevice()
    _, labels = seen(to_device(Strict([4] * 9), device, transfer, reuses_buffers=False), device)
    assert not torch.equal(labels, torch.arange(36))


@pytest.mark.parametrize("transfer", TRANSFERS)
@pytest.mark.parametrize("threads", [0, 1])
@pytest.mark.parametrize("raw", [False, True])
def test_a_ring_feeds_a_device(transfer, threads, raw) -> None:
    """Every sample of each epoch once, beside its label, scaled on either side."""
    device = LateDevice()
    pipeline = to_device(ring(threads=threads, raw=raw), device, transfer)
    images, labels = seen(pipeline, device, epochs=2, eager=True)
    assert images.dtype == torch.float32
    numbers = numbers_of(images)
    assert torch.equal(labels, label_of(numbers))
    for epoch in torch.split(numbers, SAMPLES):
        assert sorted(epoch.tolist()) == list(range(SAMPLES))
    assert not torch.equal(*torch.split(numbers, SAMPLES))


@pytest.mark.parametrize("transfer", TRANSFERS)
@pytest.mark.parametrize("resize", [None, 14])
def test_where_it_is_scaled_makes_no_difference(transfer, resize) -> None:
    """The same pictures in the same order, whoever scales and resizes them."""
    source = numbered_source(SAMPLES)
    source.images[:] = torch.randint(0, 256, source.images.shape, dtype=torch.uint8)
    host = TensorSlice(BATCH_SIZE, resize).build(source, shuffle=False, seed=0)
    spec = TensorSlice(BATCH_SIZE, resize, scale_on="device")
    device = LateDevice()
    raw = spec.build(source, shuffle=False, seed=0)
    images, labels = seen(
        to_device(raw, device, transfer, reuses_buffers=True, device_transform=spec.device_transform()),
        device,
    )
    expected = torch.cat([batch.clone() for batch, _ in host])
    assert torch.equal(labels, source.labels)
    assert (images - expected).abs().max() < (1e-6 if resize else 1e-9)


def test_the_next_copy_is_launched_before_the_step() -> None:
    """A batch is delivered when the one after it is on its way; the step's stream waits for its own."""
    device = LateDevice()
    batches = iter(Prefetcher(Strict([4] * 5), device, reuses_buffers=True))
    copies = device.streams[1]
    next(batches)
    launched = len(copies.work)
    device.work_until(lambda: not any(device.main.work))
    # The first batch is there, the second one still to be copied.
    assert 0 < len(copies.work) < launched


def test_memory_on_the_device_is_made_once() -> None:
    """Two epochs of equal batches, the last one shorter: four slots, of images and labels each."""
    device = LateDevice()
    pipeline = to_device(Strict([4] * 9 + [1]), device, "prefetch", reuses_buffers=True)
    seen(pipeline, device, epochs=2)
    assert device.made == 8


def test_two_epochs_side_by_side() -> None:
    """Each has memory of its own, and the host's batches their own spoiling."""
    device = LateDevice()
    prefetcher = Prefetcher(ring(threads=0), device, reuses_buffers=True)
    first, second = Recorder(device), Recorder(device)
    for one, other in zip(prefetcher, prefetcher, strict=True):
        first(*one)
        second(*other)
    device.synchronize()
    for step in (first, second):
        assert sorted(numbers_of(torch.cat(step.images)).tolist()) == list(range(SAMPLES))


def test_an_epoch_can_be_left_early() -> None:
    """Then nothing of the host's memory is read any more, and the next epoch is whole."""
    device = LateDevice()
    loader = ring(threads=1)
    pipeline = to_device(loader, device, "prefetch", reuses_buffers=True)
    epoch = iter(pipeline)
    next(epoch)
    epoch.close()
    _, labels = seen(pipeline, device)
    assert len(labels) == SAMPLES


def test_a_loader_says_how_long_its_batches_last(tmp_path) -> None:
    """A ring's don't, copies out of it do, and so do those of a loader that says nothing."""
    source = numbered_source(SAMPLES, folder=tmp_path)
    mapped = MemoryMap(BATCH_SIZE, scale_on="device").build(source, shuffle=True, seed=0)
    assert [ring().reuses_buffers, ring(copy=True).reuses_buffers, mapped.reuses_buffers] == [
        True,
        False,
        True,
    ]
    assert mapped.device_transform is not None
    assert ring().device_transform is None
    device = LateDevice()
    for loader in (mapped, MemoryMap(BATCH_SIZE).build(source, shuffle=True, seed=0)):
        images, labels = seen(to_device(loader, device, "prefetch"), device)
        assert torch.equal(labels, label_of(numbers_of(images)))
    batches = [(torch.rand(4, 1, 2, 2), torch.arange(4))] * 3
    assert len(seen(to_device(batches, device, "prefetch"), device)[1]) == 12


def test_how_many_batches() -> None:
    """As many as the loader's; of parts as many as its samples make."""
    assert len(Prefetcher(Strict([1, 2]), LateDevice())) == 2
    assert len(to_device(Strict([1, 2]), LateDevice(), "blocking")) == 2
    parts = to_device(ring(), LateDevice(), "prefetch", chunk=Chunk(8, 4))
    assert len(parts) == -(-SAMPLES // 8) == len(list(parts))
    with pytest.raises(TypeError, match="the loader has no `samples`"):
        len(Prefetcher(Strict([1, 2]), LateDevice(), chunk=Chunk(1, 2)))


@pytest.mark.parametrize("transfer", TRANSFERS)
@pytest.mark.parametrize(
    ("batch", "said"),
    [({"images": 1}, "a dict, expected a pair"), ((1, 2, 3), "a tuple of 3, expected a pair")],
)
def test_what_is_no_pair_is_refused(transfer, batch, said) -> None:
    """In one line, not by whatever fails first."""
    with pytest.raises(ValueError, match=said):
        list(to_device([batch], LateDevice(), transfer))


def test_a_chunk_without_prefetch_is_refused() -> None:
    """Only a prefetcher splits batches."""
    with pytest.raises(ValueError, match="chunk has 2 batches, transfer is 'blocking', expected 'prefetch'"):
        to_device(Strict([1]), LateDevice(), "blocking", chunk=Chunk(4, 2))


@pytest.mark.parametrize("numbers", [{"batch_size": 0}, {"batch_size": 1, "batches": 0}])
def test_a_chunk_below_one_is_refused(numbers) -> None:
    """The error names the number."""
    with pytest.raises(ValueError, match=f"{list(numbers)[-1]} is 0, expected 1 or more"):
        Chunk(**numbers)


def test_a_device_that_is_not_there_is_refused(monkeypatch) -> None:
    """At once, and by its name."""
    with pytest.raises(ValueError, match="device is 'cpu', expected cuda or cuda:N"):
        to_device(Strict([1]), "cpu", "blocking")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(RuntimeError, match="no CUDA device here"):
        to_device(Strict([1]), "cuda", "blocking")


@pytest.mark.parametrize(
    ("knobs", "chunk_batches"),
    [
        ({"batch_size": 32, "scale_on": "device"}, 41),
        ({"batch_size": 256, "scale_on": "device"}, 5),
        ({"batch_size": 256, "scale_on": "host"}, 1),
        ({"batch_size": 32, "scale_on": "host", "resize": 14}, 41),
        ({"batch_size": 4096, "scale_on": "device"}, 1),
    ],
)
def test_a_ring_s_batches_cross_some_at_once(knobs, chunk_batches) -> None:
    """As many as make a mebibyte, but no more than an epoch has."""
    spec = TensorSlice(**knobs)
    chunk = spec.choose_chunk(numbered_source(60_000, 28))
    assert (chunk.batch_size, chunk.batches) == (knobs["batch_size"], chunk_batches)
    small = spec.choose_chunk(numbered_source(100))
    assert small.batches == min(chunk_batches, -(-100 // knobs["batch_size"]))
    assert spec.with_chunk(chunk).batch_size == chunk_batches * knobs["batch_size"]


def test_an_unknown_transfer_is_refused() -> None:
    """In one line that says what is allowed."""
    with pytest.raises(ValueError, match="transfer is 'fast', expected blocking, non_blocking, prefetch"):
        to_device(Strict([1]), LateDevice(), "fast")


def test_raw_pictures_are_not_resized() -> None:
    """A ring that delivers bytes has no resize."""
    with pytest.raises(ValueError, match="resize is 14 with raw pictures"):
        ring(raw=True, resize=14)


@pytest.mark.cuda
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
@pytest.mark.parametrize("transfer", TRANSFERS)
@pytest.mark.parametrize("pin", [False, True])
@pytest.mark.parametrize("raw", [False, True])
def test_on_a_gpu(transfer, pin, raw) -> None:
    """The same on a real device, behind a kernel that keeps its stream busy for a while."""
    loader = ring(threads=1, pin_memory=pin, raw=raw)
    pipeline = to_device(
        loader,
        CudaDevice(),
        transfer,
        reuses_buffers=True,
        device_transform=DeviceTransform(None) if raw else None,
    )
    for _ in range(3):
        kept = []
        for images, labels in pipeline:
            torch.cuda._sleep(2_000_000)
            kept.append((images.clone(), labels.clone()))
        numbers = numbers_of(torch.cat([images for images, _ in kept]).cpu())
        assert sorted(numbers.tolist()) == list(range(SAMPLES))
        assert torch.equal(torch.cat([labels for _, labels in kept]).cpu(), label_of(numbers))
