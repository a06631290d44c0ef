"""ResidentLoader on the CPU, where torch's operations do the same as on a GPU."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext

import pytest
import torch

from loaders.data.errors import DataError
from loaders.data.rows import Rows
from loaders.device import resident
from loaders.device.resident import ResidentLoader
from loaders.families.device_resident import DeviceResident
from loaders.families.tensor_slice import TensorSlice
from tests.fakes import label_of, numbered_source, numbers_of

SAMPLES = 300


def resident_loader(samples: int = SAMPLES, side: int = 28, **knobs) -> ResidentLoader:
    source = numbered_source(samples, side)
    return ResidentLoader(Rows(source.images, source.labels), **{"batch_size": 32, "device": "cpu", **knobs})


def numbers(loader: ResidentLoader) -> list[int]:
    """Return the numbers of an epoch's samples; check labels, dtypes and layout."""
    found = []
    for images, labels in loader:
        assert images.dtype == torch.float32
        assert labels.dtype == torch.int64
        assert images.is_contiguous()
        assert torch.equal(labels, label_of(numbers_of(images)))
        found += numbers_of(images).tolist()
    return found


@pytest.mark.parametrize("batch_size", [1, 7, 32, 300, 1000])
@pytest.mark.parametrize("chunk_bytes", [1, 40 * 4 * 28 * 28, 1 << 30])
@pytest.mark.parametrize("resize", [None, 14])
def test_each_sample_once_in_two_orders(batch_size, chunk_bytes, resize, monkeypatch) -> None:
    """Each epoch holds every sample, in an order of its own, for every size of a chunk."""
    monkeypatch.setattr(resident, "CHUNK_BYTES", chunk_bytes)
    loader = resident_loader(batch_size=batch_size, resize=resize)
    first, second = numbers(loader), numbers(loader)
    assert sorted(first) == sorted(second) == list(range(SAMPLES))
    assert first != second
    assert len(loader) == -(-SAMPLES // batch_size) == len(list(loader))
    assert [len(labels) for _, labels in loader][:-1] == [batch_size] * (len(loader) - 1)


def test_the_seed_decides_the_order() -> None:
    """Loaders with the same seed agree for two epochs; loaders with other seeds don't."""
    orders = [[numbers(loader) for _ in range(2)] for loader in map(seeded, (5, 5, 6))]
    assert orders[0] == orders[1]
    assert orders[0] != orders[2]


def seeded(seed: int) -> ResidentLoader:
    return resident_loader(seed=seed)


def test_without_shuffle_the_stored_order() -> None:
    """Every epoch has it."""
    loader = resident_loader(shuffle=False)
    assert numbers(loader) == numbers(loader) == list(range(SAMPLES))


@pytest.mark.parametrize("side", [28, 30, 29, 31])
@pytest.mark.parametrize("resize", [None, 14, 64])
def test_pictures_are_those_of_tensor_slice(side, resize) -> None:
    """Rows of any number of bytes are scaled and resized as by the ring."""
    source = numbered_source(SAMPLES, side)
    source.images[:] = torch.randint(0, 256, source.images.shape, dtype=torch.uint8)
    loader = ResidentLoader(
        Rows(source.images, source.labels), batch_size=64, resize=resize, shuffle=False, device="cpu"
    )
    expected = TensorSlice(64, resize).build(source, shuffle=False, seed=0)
    for (images, labels), (others, other_labels) in zip(loader, expected, strict=True):
        assert images.shape == others.shape
        assert torch.equal(labels, other_labels)
        assert (images - others).abs().max() < (1e-6 if resize else 1e-9)


@pytest.mark.parametrize("chunk_bytes", [1, 100 * 4 * 28 * 28, 1 << 30])
def test_how_long_a_batch_stays(chunk_bytes, monkeypatch) -> None:
    """Batch n is valid until batch n+2 is requested, and a chunk until all of it has been delivered."""
    monkeypatch.setattr(resident, "CHUNK_BYTES", chunk_bytes)
    loader = resident_loader(batch_size=32)
    kept: list[tuple[torch.Tensor, torch.Tensor, torch.Tensor]] = []
    for images, labels in loader:
        kept.append((images, images.clone(), labels.clone()))
        for held, then, _ in kept[-max(2, loader.chunk_batches) :]:
            assert torch.equal(held, then)


def test_the_same_memory_each_epoch() -> None:
    """A graph that was captured in one epoch finds the batches of the next."""
    loader = resident_loader()
    first, second = ([(images.data_ptr(), len(labels)) for images, labels in loader] for _ in range(2))
    assert first == second


def test_two_epochs_side_by_side() -> None:
    """Each has an order and memory of its own."""
    loader = resident_loader(batch_size=64)
    both = [(numbers_of(a), numbers_of(b)) for (a, _), (b, _) in zip(loader, loader, strict=True)]
    for epoch in zip(*both, strict=True):
        assert sorted(torch.cat(epoch).tolist()) == list(range(SAMPLES))


@pytest.mark.parametrize("knobs", [{"batch_size": 0}, {"resize": 0}])
def test_sizes_below_one_are_refused(knobs) -> None:
    """The error names the size."""
    with pytest.raises(ValueError, match="is 0, expected 1 or more"):
        resident_loader(**knobs)


def test_data_that_does_not_fit_is_refused(monkeypatch) -> None:
    """The error says how much is needed and free, and which families to use instead."""
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda: (1000, 2**30))
    with pytest.raises(DataError, match=r"numbered takes 0\.0 GiB of the GPU, found 0\.0 free: tensor_slice"):
        DeviceResident().build(numbered_source(), shuffle=True, seed=0)


def test_it_needs_a_device_and_transfers_nothing() -> None:
    """It is invalid on the CPU, and has no knob `transfer`."""
    assert "CUDA device" in (DeviceResident().invalid(cuda=False) or "")
    assert DeviceResident().invalid(cuda=True) is None
    assert list(DeviceResident().knobs()) == ["batch_size", "resize"]
    assert DeviceResident().resolve(cuda=True) == DeviceResident()


def test_little_is_launched_for_a_batch() -> None:
    """Kernels are launched once for each chunk, and once for the order."""
    loader = resident_loader(batch_size=1)
    spans: list[str] = []

    def span(name: str) -> AbstractContextManager[None]:
        spans.append(name)
        return nullcontext()

    loader.span = span
    assert len(list(loader)) == SAMPLES
    assert spans == ["data"] * (1 + -(-SAMPLES // loader.chunk_batches))
    assert loader.chunk_batches == resident.MAX_CHUNK_BATCHES
