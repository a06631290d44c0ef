"""ResidentLoader on the CPU, where torch's operations do the same as on a GPU."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext

import pytest
import torch

from loaders.data.batch import Batch
from loaders.data.errors import DataError
from loaders.data.rows import Rows
from loaders.device import resident
from loaders.device.resident import ResidentLoader
from loaders.families.device_resident import DeviceResident
from loaders.families.tensor_slice import TensorSlice
from tests.fakes import label_of, numbered_source, numbers_of
from tests.loaders.late_device import LateDevice
from tests.loaders.recorder import Recorder, record

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
    chunks = -(-SAMPLES // loader.chunk_batches)
    assert spans == ["data"] * (2 + chunks)
    assert loader.chunk_batches == resident.MAX_CHUNK_BATCHES
    # The order of a later epoch is there when it begins.
    spans.clear()
    list(loader)
    assert spans == ["data"] * (1 + chunks)


@pytest.mark.parametrize(
    ("batch_size", "resize", "batches"), [(256, None, 20), (1024, None, 5), (4096, None, 3), (256, 300, 1)]
)
def test_a_chunk_makes_up_for_its_launches(batch_size, resize, batches, monkeypatch) -> None:
    """Small batches fill a part of the cache, large ones are three, and very large ones one."""
    monkeypatch.setattr(ResidentLoader, "__len__", lambda loader: 100)
    images = torch.zeros(1, 28, 28, dtype=torch.uint8).expand(batch_size, -1, -1)
    rows = Rows(images.contiguous(), torch.zeros(batch_size, dtype=torch.int64))
    assert ResidentLoader(rows, batch_size=batch_size, resize=resize, device="cpu").chunk_batches == batches


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("eager", [False, True])
@pytest.mark.parametrize("chunk_batches", [1, 2, 4])
def test_each_step_finds_its_own_batch_on_a_late_device(seed, eager, chunk_batches, monkeypatch) -> None:
    """Chunks are made beside the steps, which may put off the batches of a chunk, in the same orders."""
    monkeypatch.setattr(resident, "CHUNK_BYTES", chunk_batches * 32 * 4 * 28 * 28)
    monkeypatch.setattr(resident, "FEWEST_CHUNK_BATCHES", 1)
    device = LateDevice(seed)
    loader = resident_loader(device=device)
    assert loader.chunk_batches == chunk_batches
    step = Recorder(device)
    for _ in range(3):
        pending: list[Batch] = []
        for number, batch in enumerate(loader, 1):
            pending.append(batch)
            if number % chunk_batches == 0 or number == len(loader):
                while pending:
                    step(pending.pop(0))
            if eager:
                device.work_a_little()
    device.synchronize()
    found = numbers_of(torch.cat(step.images))
    assert torch.equal(torch.cat(step.labels), label_of(found))
    plain = resident_loader()
    assert found.tolist() == [number for _ in range(3) for number in numbers(plain)]


@pytest.mark.parametrize("seed", range(6))
def test_a_batch_can_still_be_used_when_the_next_is_there(seed, monkeypatch) -> None:
    """Work on batch n that is launched just before batch n+2 is requested finds it whole."""
    monkeypatch.setattr(resident, "CHUNK_BYTES", 1)
    monkeypatch.setattr(resident, "FEWEST_CHUNK_BATCHES", 1)
    device = LateDevice(seed)
    step, held = Recorder(device), None
    for batch in resident_loader(device=device, shuffle=False):
        if held is not None:
            step(held)
        held = batch
        device.work_a_little()
    device.synchronize()
    assert numbers_of(torch.cat(step.images)).tolist() == list(range(SAMPLES - SAMPLES % 32))


def test_without_their_wait_fills_spoil_batches(monkeypatch) -> None:
    """The simulated device shows a chunk that is filled too early: the tests above can fail."""
    monkeypatch.setattr(resident, "CHUNK_BYTES", 1)
    monkeypatch.setattr(resident, "FEWEST_CHUNK_BATCHES", 1)
    spoilt = 0
    for seed in range(4):
        device = LateDevice(seed)
        loader = resident_loader(device=device, shuffle=False)
        device.streams[1].wait_event = lambda event: None  # type: ignore[method-assign]
        _, labels = record(loader, device)
        spoilt += not torch.equal(labels, label_of(torch.arange(SAMPLES)))
    assert spoilt


def test_an_epoch_left_early_leaves_the_next_one_whole() -> None:
    """Its memory goes to the next epoch, and the order that was drawn ahead is that of the next."""
    device = LateDevice(3)
    loader = resident_loader(device=device)
    batches = iter(loader)
    next(batches)
    batches.close()
    images, _ = record(loader, device)
    assert sorted(numbers_of(images).tolist()) == list(range(SAMPLES))
    plain = resident_loader()
    next(iter(plain))
    assert numbers_of(images).tolist() == numbers(plain)


@pytest.mark.cuda
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
@pytest.mark.parametrize("batches", [1, 4])
def test_on_a_gpu(batches, monkeypatch) -> None:
    """Chunks that are made beside kernels which keep the stream busy overwrite no batch."""
    monkeypatch.setattr(resident, "CHUNK_BYTES", batches * 32 * 4 * 28 * 28)
    monkeypatch.setattr(resident, "FEWEST_CHUNK_BATCHES", 1)
    loader = resident_loader(device="cuda")
    for _ in range(3):
        kept = []
        for images, labels in loader:
            torch.cuda._sleep(1_000_000)
            kept.append((images.clone(), labels.clone()))
        found = numbers_of(torch.cat([images for images, _ in kept]).cpu())
        assert sorted(found.tolist()) == list(range(SAMPLES))
        assert torch.equal(torch.cat([labels for _, labels in kept]).cpu(), label_of(found))
