"""Pipeline: a loader, and the transfer of its batches to the device that trains on them."""

from __future__ import annotations

import copy
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any, Protocol, runtime_checkable

from loaders.data.batch import Batch
from loaders.device.batch_transfer import BatchTransfer
from loaders.device.chunk import Chunk
from loaders.device.device import CudaDevice, Device, Span
from loaders.device.device_transform import DeviceTransform
from loaders.device.nested_prefetcher import NestedPrefetcher
from loaders.device.nested_transfer import NestedTransfer
from loaders.device.prefetcher import Prefetcher

TRANSFERS = ("blocking", "non_blocking", "prefetch")


@runtime_checkable
class Watched(Protocol):
    """An object that launches device work within spans.

    Attributes:
        span: measures the launched work.
    """

    span: Span


class Transfer(Protocol):
    """Moves batches to the device."""

    def __call__(self, batch: Any, /) -> Any:
        """Return the batch on the device, for work launched on the current stream."""

    def wait(self) -> None:
        """Wait until no copy reads the host's memory any more."""


@dataclass(frozen=True)
class Pipeline:
    """A loader of batches on a device; each `iter()` is an epoch.

    An epoch takes each batch from `loader`, moves it by `transfer`, and calls `wait()` at its end. `iter()`
    does that; a loop that times the parts does it itself.

    Attributes:
        loader: delivers the batches.
        transfer: moves a delivered batch to the device; None if the loader delivers it there.
        chunk_batches: consecutive batches that stay valid until all of them have been delivered; default 1.
    """

    loader: Iterable[Any]
    transfer: Transfer | None = None
    chunk_batches: int = 1

    @property
    def static_addresses(self) -> bool:
        """True if all batches lie at a few fixed addresses of the device, as a CUDA graph needs."""
        return self.transfer is None and not isinstance(self.loader, NestedPrefetcher)

    @property
    def host_loader(self) -> Iterable[Any]:
        """The loader whose batches lie in the host's memory; that on the device where there is no other."""
        ahead = self.loader
        return ahead.loader if isinstance(ahead, NestedPrefetcher | Prefetcher) else ahead

    def with_host_loader(self, loader: Iterable[Any]) -> Pipeline:
        """Return a pipeline with another loader in place of `host_loader`."""
        if isinstance(self.loader, NestedPrefetcher | Prefetcher):
            ahead = copy.copy(self.loader)
            ahead.loader = loader
            return replace(self, loader=ahead)
        return replace(self, loader=loader)

    def __iter__(self) -> Iterator[Any]:
        try:
            for batch in self.loader:
                yield batch if self.transfer is None else self.transfer(batch)
        finally:
            self.wait()

    def wait(self) -> None:
        """End an epoch: wait until no copy reads the host's memory any more."""
        if self.transfer is not None:
            self.transfer.wait()

    def __len__(self) -> int:
        """Return the number of batches of an epoch; TypeError if the loader has no length."""
        return len(self.loader)  # type: ignore[arg-type]  # where the loader has one

    def watch(self, span: Span) -> None:
        """Measure all device work of the pipeline by `span`, as `data` and `transfer`."""
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
    chunk: Chunk | None = None,
) -> Pipeline:
    """Return a loader whose batches are moved to a CUDA device.

    With `prefetch`, batch n is valid until batch n+2 is requested; otherwise every batch stays valid.

    Args:
        loader: an iterable of pairs (images, labels) of tensors in the host's memory.
        device: `cuda` or `cuda:N`, or a Device.
        transfer: `blocking` is `.to(device)`, `non_blocking` is `.to(device, non_blocking=True)`, `prefetch`
            copies batch n+1 on a stream of its own while the loop works on batch n.
        reuses_buffers: True if the loader overwrites batch n once batch n+2 is requested, as a ring does;
            False if its batches stay valid. Default: the loader's attribute of that name, else False.
        device_transform: work on the copied pictures. Default: the loader's attribute of that name, else
            none.
        chunk: with `prefetch`, each of the loader's batches is delivered in several of `chunk.batch_size`
            samples. Default: whole.

    Raises:
        ValueError: an unknown transfer, a name that is no CUDA device's, or a chunk without `prefetch`.
        RuntimeError: there is no CUDA device here.
    """
    if transfer not in TRANSFERS:
        raise ValueError(f"transfer is {transfer!r}, expected {', '.join(TRANSFERS)}")
    if chunk is not None and chunk.batches > 1 and transfer != "prefetch":
        raise ValueError(f"chunk has {chunk.batches} batches, transfer is {transfer!r}, expected 'prefetch'")
    if isinstance(device, str):
        device = CudaDevice(device)
    if reuses_buffers is None:
        reuses_buffers = getattr(loader, "reuses_buffers", False)
    if device_transform is None:
        device_transform = getattr(loader, "device_transform", None)
    if transfer == "prefetch":
        prefetcher = Prefetcher(
            loader, device, reuses_buffers=reuses_buffers, device_transform=device_transform, chunk=chunk
        )
        return Pipeline(prefetcher, chunk_batches=1 if chunk is None else chunk.batches)
    batch_transfer = BatchTransfer(
        device,
        non_blocking=transfer == "non_blocking",
        reuses_buffers=reuses_buffers,
        device_transform=device_transform,
    )
    return Pipeline(loader, batch_transfer)


def move_to_device(loader: Iterable[Any], device: str, transfer: str) -> Pipeline:
    """Return a loader of batches of any form, which are moved to a device as training scripts do.

    Every batch stays valid.

    Args:
        loader: an iterable of batches in the host's memory. It overwrites batch n once batch n+2 is requested
            if its attribute `reuses_buffers` is True.
        device: name of the destination, such as `cuda`.
        transfer: one of `TRANSFERS`. `prefetch` copies batch n+1 on a stream of its own while the loop works
            on batch n.
    """
    if transfer == "prefetch":
        return Pipeline(NestedPrefetcher(loader, device))
    reuses_buffers = getattr(loader, "reuses_buffers", False) is True
    record = CudaDevice(device).event if reuses_buffers and transfer == "non_blocking" else None
    return Pipeline(loader, NestedTransfer(device, non_blocking=transfer == "non_blocking", record=record))
