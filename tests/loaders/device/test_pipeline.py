"""Pipeline and to_device: defaults that a loader decides, chunks, and errors."""

from __future__ import annotations

import pytest
import torch

from loaders.data.rows import Rows
from loaders.device.batch_transfer import BatchTransfer
from loaders.device.chunk import Chunk
from loaders.device.pipeline import Pipeline, to_device
from loaders.families.memory_map import MemoryMap
from loaders.families.tensor_slice import TensorSlice
from loaders.ring.ring_loader import RingLoader
from tests.fakes import label_of, numbered_source, numbers_of
from tests.loaders.late_device import LateDevice
from tests.loaders.recorder import record
from tests.loaders.strict_loader import StrictLoader

SAMPLES, BATCH_SIZE = 300, 32


def make_ring(seed: int = 0, **knobs) -> RingLoader:
    """Return a ring over numbered pictures."""
    source = numbered_source(SAMPLES)
    return RingLoader(Rows(source.images, source.labels), batch_size=BATCH_SIZE, seed=seed, **knobs)


def test_an_epoch_ends_with_a_wait() -> None:
    """The three steps of an epoch deliver the batches of `iter`, and all copies are done after them."""
    device = LateDevice()
    transfer = BatchTransfer(device, non_blocking=True, reuses_buffers=True)
    pipeline = Pipeline(StrictLoader([4] * 9), transfer)
    labels = [transfer(batch)[1] for batch in pipeline.loader]
    pipeline.wait()
    assert torch.equal(torch.cat(labels), torch.arange(36))
    labels = [labels for _, labels in pipeline]
    assert torch.equal(torch.cat(labels), torch.arange(36))


def test_a_loader_says_whether_it_reuses_its_buffers(tmp_path) -> None:
    """A ring reuses its buffers; copies out of it, and an unknown loader's batches, stay valid."""
    source = numbered_source(SAMPLES, folder=tmp_path)
    mapped = MemoryMap(BATCH_SIZE, scale_on="device").build(source, shuffle=True, seed=0)
    assert [make_ring().reuses_buffers, make_ring(copy=True).reuses_buffers, mapped.reuses_buffers] == [
        True,
        False,
        True,
    ]
    assert mapped.device_transform is not None
    assert make_ring().device_transform is None
    device = LateDevice()
    for loader in (mapped, MemoryMap(BATCH_SIZE).build(source, shuffle=True, seed=0)):
        images, labels = record(to_device(loader, device, "prefetch"), device)
        assert torch.equal(labels, label_of(numbers_of(images)))
    batches = [(torch.rand(4, 1, 2, 2), torch.arange(4))] * 3
    assert len(record(to_device(batches, device, "prefetch"), device)[1]) == 12


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
def test_the_size_of_a_chunk(knobs, chunk_batches) -> None:
    """A chunk has a mebibyte of pictures, and no more batches than an epoch."""
    spec = TensorSlice(**knobs)
    chunk = spec.choose_chunk(numbered_source(60_000, 28))
    assert (chunk.batch_size, chunk.batches) == (knobs["batch_size"], chunk_batches)
    small = spec.choose_chunk(numbered_source(100))
    assert small.batches == min(chunk_batches, -(-100 // knobs["batch_size"]))
    assert spec.with_chunk(chunk).batch_size == chunk_batches * knobs["batch_size"]


def test_a_chunk_without_prefetch_is_refused() -> None:
    """Only a prefetcher splits batches."""
    with pytest.raises(ValueError, match="chunk has 2 batches, transfer is 'blocking', expected 'prefetch'"):
        to_device(StrictLoader([1]), LateDevice(), "blocking", chunk=Chunk(4, 2))


@pytest.mark.parametrize("numbers", [{"batch_size": 0}, {"batch_size": 1, "batches": 0}])
def test_a_chunk_below_one_is_refused(numbers) -> None:
    """The error names the number."""
    with pytest.raises(ValueError, match=f"{list(numbers)[-1]} is 0, expected 1 or more"):
        Chunk(**numbers)


def test_a_missing_device_is_refused(monkeypatch) -> None:
    """The error names the device."""
    with pytest.raises(ValueError, match="device is 'cpu', expected cuda or cuda:N"):
        to_device(StrictLoader([1]), "cpu", "blocking")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(RuntimeError, match="no CUDA device here"):
        to_device(StrictLoader([1]), "cuda", "blocking")


def test_an_unknown_transfer_is_refused() -> None:
    """The error says what is allowed."""
    with pytest.raises(ValueError, match="transfer is 'fast', expected blocking, non_blocking, prefetch"):
        to_device(StrictLoader([1]), LateDevice(), "fast")
