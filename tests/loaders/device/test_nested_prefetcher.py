"""NestedPrefetcher on a simulated device that works as late as it may, and uses memory again at once."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest
import torch
from torch.utils.data import DataLoader, TensorDataset

from loaders.device.nested_prefetcher import NestedPrefetcher
from tests.loaders.late_device import LateDevice
from tests.loaders.strict_loader import StrictLoader


class Named:
    """A loader whose batches are dicts of the pairs of another."""

    def __init__(self, loader: Iterable[Any]) -> None:
        self.loader = loader

    def __len__(self) -> int:
        return len(self.loader)  # type: ignore[arg-type]

    def __iter__(self) -> Iterator[dict[str, Any]]:
        for images, labels in self.loader:
            yield {"images": [images], "labels": labels, "text": "a batch"}


def train(batches: Iterable[Any], device: LateDevice, *, eager: bool = False) -> Callable[[], list[int]]:
    """Launch a step for each batch, and return a function that says which labels the steps have found."""
    found: list[int] = []
    for batch in batches:
        images, labels = device.alias(batch["images"][0]), device.alias(batch["labels"])

        def step(images: torch.Tensor = images, labels: torch.Tensor = labels) -> None:
            assert torch.equal(images[:, 0, 0, 0], labels.to(torch.float32))
            found.extend(labels.tolist())

        device.launch(step)
        # The loop drops the batch, whose memory the next one may get.
        del batch
        if eager:
            device.work_a_little()
    return lambda: device.synchronize() or found


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("eager", [False, True])
@pytest.mark.parametrize("sizes", [[4] * 9 + [1], [4], [], [2, 5, 3, 5, 1, 1, 7]])
def test_each_step_finds_its_own_batch(seed, eager, sizes) -> None:
    """Though the loader spoils its batches early, the device works late, and memory is used again."""
    device = LateDevice(seed)
    loader = NestedPrefetcher(Named(StrictLoader(sizes)), device, reuses_buffers=True)
    for _ in range(2):
        assert train(loader, device, eager=eager)() == list(range(sum(sizes)))


def test_a_loader_says_that_it_reuses_its_buffers() -> None:
    """As an InMemoryLoader does."""
    device = LateDevice()
    ring = Named(StrictLoader([4] * 9))
    ring.reuses_buffers = True  # type: ignore[attr-defined]
    assert train(NestedPrefetcher(ring, device), device)() == list(range(36))


def test_without_the_guard_a_ring_spoils_batches() -> None:
    """Told that batches stay valid, it delivers spoilt ones: the test above can fail."""
    device = LateDevice()
    found = train(NestedPrefetcher(Named(StrictLoader([4] * 9)), device), device)
    with pytest.raises(AssertionError):
        assert found() == list(range(36))


def test_without_the_wait_for_earlier_work_memory_is_overwritten() -> None:
    """The memory of a dropped batch may still be read by its step when the next copy is launched."""
    batches = [(torch.full((4, 1, 1, 1), float(n)), torch.full((4,), n)) for n in range(6)]
    spoilt = 0
    for seed in range(6):
        device = LateDevice(seed)
        loader = NestedPrefetcher(Named(batches), device)
        device.streams[1].wait_event = lambda event: None  # type: ignore[method-assign]
        found = train(loader, device)
        try:
            spoilt += found() != [n for n in range(6) for _ in range(4)]
        except AssertionError:
            spoilt += 1
    assert spoilt


def test_a_host_far_ahead_takes_no_more_memory() -> None:
    """The memory of three batches goes around, though the device has done nothing yet."""
    device = LateDevice()
    loader = NestedPrefetcher(Named(StrictLoader([4] * 30)), device)
    for _ in loader:
        pass
    assert device.made == 2 * 3


def test_batches_that_are_kept_stay_valid() -> None:
    device = LateDevice()
    kept = list(NestedPrefetcher(Named(StrictLoader([4] * 9)), device, reuses_buffers=True))
    device.synchronize()
    assert torch.equal(torch.cat([batch["labels"] for batch in kept]), torch.arange(36))
    assert {batch["text"] for batch in kept} == {"a batch"}


def test_the_next_copy_is_launched_before_a_batch_is_delivered() -> None:
    device = LateDevice()
    spans: list[str] = []

    class Span:
        def __init__(self, name: str) -> None:
            spans.append(name)

        def __enter__(self) -> None:
            assert device.current() is device.streams[1]

        def __exit__(self, *_: object) -> None:
            pass

    loader = NestedPrefetcher(Named(StrictLoader([4] * 5)), device)
    loader.span = Span
    batches = iter(loader)
    next(batches)
    assert spans == ["transfer"] * 2
    next(batches)
    assert spans == ["transfer"] * 3
    batches.close()
    assert device.current() is device.main
    device.synchronize()


def test_an_epoch_left_early_leaves_its_memory_to_others() -> None:
    """Later work on the current stream waits for the copy of the batch that nobody requested."""
    device = LateDevice()
    batches = iter(NestedPrefetcher(Named(StrictLoader([4] * 5)), device))
    next(batches)
    batches.close()
    later = device.empty((4,), torch.int64)
    device.launch(lambda: device.alias(later).fill_(5))
    device.synchronize()
    assert later.tolist() == [5] * 4


@dataclass
class Moving:
    """An object that moves itself."""

    x: torch.Tensor
    where: Any = None

    def to(self, device: torch.device, *, non_blocking: bool) -> Moving:
        assert non_blocking
        return Moving(self.x, device)


def test_what_is_no_plain_tensor_is_copied_as_ever() -> None:
    """Objects by their own `.to()`, sparse tensors, and tensors with a gradient or a class of their own."""
    device = LateDevice()
    wanted = torch.ones(2, requires_grad=True)
    own = torch.nn.Parameter(torch.ones(2), requires_grad=False)
    given = (Moving(torch.ones(2)), torch.eye(2).to_sparse(), wanted, own, "text", None)
    (found,) = NestedPrefetcher([given], device)
    assert found[0].where == device.torch_device
    assert all(one is other for one, other in zip(found[1:], given[1:], strict=True))


def test_strides_are_kept() -> None:
    """Pictures whose channels come last stay so."""
    device = LateDevice()
    picture = torch.arange(48.0).view(2, 3, 2, 4).to(memory_format=torch.channels_last)
    (found,) = NestedPrefetcher([[picture]], device)
    device.synchronize()
    assert found[0].stride() == picture.stride()
    assert torch.equal(found[0], picture)


def test_an_epoch_begins_with_its_iterator_and_fails_as_the_loader_does() -> None:
    """Workers start before the first batch is requested."""

    class Failing:
        begun = False

        def __iter__(self) -> Iterator[int]:
            self.begun = True
            return (1 // number for number in [1, 0])

    loader = Failing()
    batches = iter(NestedPrefetcher(loader, LateDevice()))
    assert loader.begun
    with pytest.raises(ZeroDivisionError):
        list(batches)
    assert len(NestedPrefetcher([1, 2], LateDevice())) == 2


@pytest.mark.cuda
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
@pytest.mark.parametrize("pin", [False, True])
def test_on_a_gpu(pin: bool) -> None:
    """Every batch arrives whole, behind a kernel that keeps the stream busy, in memory that goes around."""
    data = TensorDataset(torch.arange(4096.0).view(-1, 1).repeat(1, 256), torch.arange(4096))
    loader = NestedPrefetcher(DataLoader(data, batch_size=64, pin_memory=pin))
    list(loader)
    torch.cuda.reset_peak_memory_stats()
    before = torch.cuda.memory_allocated()
    found = torch.zeros(4096, device="cuda")
    for values, labels in loader:
        torch.cuda._sleep(1_000_000)
        found[labels] += values[:, -1]
    assert torch.equal(found.cpu(), torch.arange(4096.0))
    assert torch.cuda.max_memory_allocated() - before < 8 * 64 * 257 * 8
