"""NestedTransfer: batches of any form, and loaders that overwrite them."""

from __future__ import annotations

import pytest
import torch

from loaders.device.device import CudaDevice
from loaders.device.nested_transfer import NestedTransfer
from loaders.ring.in_memory_loader import InMemoryLoader


class Event:
    """An event that keeps when it was recorded and waited for."""

    def __init__(self, number: int, log: list[str]) -> None:
        self.number, self.log = number, log
        log.append(f"record {number}")

    def synchronize(self) -> None:
        self.log.append(f"wait {self.number}")


def run(*, non_blocking: bool) -> list[str]:
    """Move three batches of a loader that overwrites them, and return the events in order."""
    log: list[str] = []
    numbers = iter(range(9))
    transfer = NestedTransfer("cpu", non_blocking=non_blocking, record=lambda: Event(next(numbers), log))
    for batch in range(3):
        log.append(f"batch {batch}")
        assert transfer({"x": [torch.tensor([batch])]})["x"][0].item() == batch
    transfer.wait()
    transfer.wait()
    return log


def test_a_batch_is_waited_for_before_it_is_overwritten() -> None:
    """The copy of batch n ends before batch n+2 is requested, and the last one at the end of the epoch."""
    assert run(non_blocking=True) == [
        "batch 0", "record 0", "batch 1", "record 1", "wait 0", "batch 2", "record 2", "wait 1", "wait 2",
    ]  # fmt: skip


def test_a_blocking_copy_needs_no_event() -> None:
    """It has ended when the call returns."""
    assert run(non_blocking=False) == ["batch 0", "batch 1", "batch 2"]


@pytest.mark.cuda
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
@pytest.mark.parametrize("pin", [False, True])
def test_an_in_memory_loader_feeds_a_gpu(pin: bool) -> None:
    """Every batch arrives whole, behind a kernel that keeps the stream busy."""
    numbers = torch.utils.data.TensorDataset(torch.arange(4000.0).view(-1, 4), torch.arange(1000))
    theirs = torch.utils.data.DataLoader(numbers, batch_size=16, shuffle=True)
    loader = InMemoryLoader(theirs, num_workers=0, threads=1, pin_memory=pin)
    transfer = NestedTransfer("cuda", non_blocking=True, record=CudaDevice().event)
    kept = []
    for batch in loader:
        torch.cuda._sleep(1_000_000)
        kept.append([part.clone() for part in transfer(batch)])
    transfer.wait()
    values, labels = (torch.cat(parts).cpu() for parts in zip(*kept, strict=True))
    assert sorted(labels.tolist()) == list(range(1000))
    assert torch.equal(values[:, 0], labels * 4.0)
