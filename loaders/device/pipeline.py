"""Pipeline: a loader, and what moves its batches to the device that trains on them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from loaders.data.batch import Batch
from loaders.device.batch_transfer import BatchTransfer
from loaders.device.device import CudaDevice, Device, Span
from loaders.device.device_transform import DeviceTransform
from loaders.device.prefetcher import Prefetcher

TRANSFERS = ("blocking", "non_blocking", "prefetch")


@runtime_checkable
class Watched(Protocol):
    """Launches work on the device within spans."""

    span: Span


@dataclass(frozen=True)
class Pipeline:
    """Batches on a device; each `iter()` is an epoch.

    loader: delivers them. transfer: moves each when it has been delivered; None where they are on the device
    by then. together: how many batches, one after another, stay as they are until all of them were
    delivered, so that the work on them can be launched at once.
    """

    loader: Iterable[Batch]
    transfer: BatchTransfer | None = None
    chunk_batches: int = 1

    @property
    def static_addresses(self) -> bool:
        """Whether batches come to lie in the same few places of the device, again and again."""
        return self.transfer is None

    def __iter__(self) -> Iterator[Batch]:
        if self.transfer is None:
            yield from self.loader
            return
        try:
            for batch in self.loader:
                yield self.transfer(batch)
        finally:
            self.transfer.wait()

    def __len__(self) -> int:
        """The number of batches of an epoch; TypeError where the loader doesn't know."""
        return len(self.loader)  # type: ignore[arg-type]  # where the loader has one

    def watch(self, span: Span) -> None:
        """Have all that its parts launch on the device be launched within spans: `data` and `transfer`."""
        for part in (self.loader, self.transfer):
            if isinstance(part, Watched):
                part.span = span


def to_device(
    loader: Iterable[Batch],
    device: Device | str,
    transfer: str,
    *,
    reuses_buffers: bool | None = None,
    device_transform: DeviceTransform | None = None,
    chunk_batches: int = 1,
    batch_size: int | None = None,
) -> Pipeline:
    """A loader whose batches are moved to the device, such as `cuda`.

    transfer: `blocking` is `.to(device)`, `non_blocking` `.to(device, non_blocking=True)`, `prefetch` copies
    each batch on a stream of its own while the loop works on the one before it (Prefetcher says how long
    such a batch stays valid). lasting: whether the loader's own batches stay as they are, however many are
    asked for after them; a ring's stay until the second one after them. finish: what is to be done there.
    None is what the loader says of itself, and that its batches last and are finished where it says nothing.
    together, batch_size: for `prefetch`, that the loader's batches are so many of such a size, which are
    delivered one by one. Raises ValueError for another transfer.
    """
    if transfer not in TRANSFERS:
        raise ValueError(f"transfer is {transfer!r}, expected {', '.join(TRANSFERS)}")
    if chunk_batches > 1 and (transfer != "prefetch" or batch_size is None):
        raise ValueError(
            f"together is {chunk_batches}, expected transfer=prefetch and the batch_size beside it"
        )
    if isinstance(device, str):
        device = CudaDevice(device)
    if reuses_buffers is None:
        reuses_buffers = getattr(loader, "reuses_buffers", False)
    if device_transform is None:
        device_transform = getattr(loader, "finish", None)
    if transfer == "prefetch":
        split = batch_size if chunk_batches > 1 else None
        prefetcher = Prefetcher(
            loader, device, reuses_buffers=reuses_buffers, device_transform=device_transform, split=split
        )
        return Pipeline(prefetcher, chunk_batches=chunk_batches)
    mover = BatchTransfer(
        device,
        non_blocking=transfer == "non_blocking",
        reuses_buffers=reuses_buffers,
        device_transform=device_transform,
    )
    return Pipeline(loader, mover)
