"""Transfers on a simulated device that works as late as it may."""

from __future__ import annotations

import pytest
import torch

from loaders.data.rows import Rows
from loaders.device.device import CudaDevice
from loaders.device.device_transform import DeviceTransform
from loaders.device.pipeline import TRANSFERS, to_device
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


@pytest.mark.parametrize("transfer", TRANSFERS)
@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("eager", [False, True])
@pytest.mark.parametrize("sizes", [[4] * 9 + [1], [4], [], [2, 5, 3, 5, 1, 1, 7], [3, 3]])
def test_no_batch_is_overwritten_before_it_was_used(transfer, seed, eager, sizes) -> None:
    """Each step sees its own batch, though the loader spoils batches early and the device works late."""
    device = LateDevice(seed)
    pipeline = to_device(StrictLoader(sizes), device, transfer, reuses_buffers=True)
    if not sizes:
        assert list(pipeline) == []
        return
    images, labels = record(pipeline, device, epochs=2, eager=eager)
    expected = torch.arange(sum(sizes)).repeat(2)
    assert torch.equal(labels, expected)
    assert torch.equal(images[:, 0, 1, 1], expected.to(torch.float32))


@pytest.mark.parametrize("transfer", ["non_blocking", "prefetch"])
def test_without_the_guard_batches_are_spoilt(transfer) -> None:
    """Told that batches stay valid, the transfer delivers spoilt ones: the tests above can fail."""
    device = LateDevice()
    _, labels = record(to_device(StrictLoader([4] * 9), device, transfer, reuses_buffers=False), device)
    assert not torch.equal(labels, torch.arange(36))


@pytest.mark.parametrize("transfer", TRANSFERS)
@pytest.mark.parametrize("threads", [0, 1])
@pytest.mark.parametrize("raw", [False, True])
def test_a_ring_feeds_a_device(transfer, threads, raw) -> None:
    """Each epoch holds every sample once, with its label, scaled on the host or the device."""
    device = LateDevice()
    pipeline = to_device(make_ring(threads=threads, raw=raw), device, transfer)
    images, labels = record(pipeline, device, epochs=2, eager=True)
    assert images.dtype == torch.float32
    numbers = numbers_of(images)
    assert torch.equal(labels, label_of(numbers))
    for epoch in torch.split(numbers, SAMPLES):
        assert sorted(epoch.tolist()) == list(range(SAMPLES))
    assert not torch.equal(*torch.split(numbers, SAMPLES))


@pytest.mark.parametrize("transfer", TRANSFERS)
@pytest.mark.parametrize("resize", [None, 14])
def test_host_and_device_scale_alike(transfer, resize) -> None:
    """Host and device make the same pictures in the same order."""
    source = numbered_source(SAMPLES)
    source.images[:] = torch.randint(0, 256, source.images.shape, dtype=torch.uint8)
    host = TensorSlice(BATCH_SIZE, resize).build(source, shuffle=False, seed=0)
    spec = TensorSlice(BATCH_SIZE, resize, scale_on="device")
    device = LateDevice()
    raw = spec.build(source, shuffle=False, seed=0)
    images, labels = record(
        to_device(raw, device, transfer, reuses_buffers=True, device_transform=spec.device_transform()),
        device,
    )
    expected = torch.cat([batch.clone() for batch, _ in host])
    assert torch.equal(labels, source.labels)
    assert (images - expected).abs().max() < (1e-6 if resize else 1e-9)


@pytest.mark.parametrize("transfer", TRANSFERS)
@pytest.mark.parametrize(
    ("batch", "says"),
    [({"images": 1}, "a dict, expected a pair"), ((1, 2, 3), "a tuple of 3, expected a pair")],
)
def test_a_batch_that_is_no_pair_is_refused(transfer, batch, says) -> None:
    """The error says what the batch is."""
    with pytest.raises(ValueError, match=says):
        list(to_device([batch], LateDevice(), transfer))


@pytest.mark.cuda
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
@pytest.mark.parametrize("transfer", TRANSFERS)
@pytest.mark.parametrize("pin", [False, True])
@pytest.mark.parametrize("raw", [False, True])
def test_on_a_gpu(transfer, pin, raw) -> None:
    """A real device delivers every batch, behind a kernel that keeps its stream busy."""
    loader = make_ring(threads=1, pin_memory=pin, raw=raw)
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
