"""The dataset on the GPU, one byte a pixel: order, gather, scaling and resize are done there."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from typing_extensions import Self

from loaders.data.errors import DataError
from loaders.data.image_split import ImageSplit
from loaders.data.rows import Rows
from loaders.device.pipeline import Pipeline
from loaders.device.resident import ResidentLoader
from loaders.spec.knobs import Knob
from loaders.spec.loader_spec import LoaderSpec

# Of a sample beside its pixels: its label, and its place in the order, once as it is stored, once drawn, and
# what a sort needs to draw it.
BESIDE_BYTES = 8 + 4 * 8


@dataclass(frozen=True)
class DeviceResident(LoaderSpec):
    """Rows of a uint8 tensor on the device, for data that fits there: the host has no work on any batch.

    A batch stays valid until the second one after it is asked for (`ResidentLoader` has the details).
    `resize` is bilinear and antialiased, without rounding.
    """

    @classmethod
    def declared_knobs(cls) -> dict[str, Knob]:
        """All but `transfer`: no batch is transferred."""
        return {name: knob for name, knob in super().declared_knobs().items() if name != "transfer"}

    def resolved(self, *, cuda: bool = False) -> Self:
        """The same: there is no default to fill in."""
        del cuda
        return self

    def invalid(self, *, cuda: bool) -> str | None:
        """The dataset lies on a CUDA device."""
        return None if cuda else "device_resident keeps the dataset on a CUDA device"

    def typical_samples_per_s(self) -> float:
        """Not two cores, but the GPU: what starting an epoch takes is more than the epoch."""
        return 10_000_000

    def build(self, source: ImageSplit, *, shuffle: bool, seed: int) -> ResidentLoader:
        """A loader on the current CUDA device, to which the dataset goes; DataError where it can't."""
        needed = source.images.numel() + BESIDE_BYTES * len(source)
        free, _ = torch.cuda.mem_get_info()
        if needed > free:
            raise DataError(
                f"{source.name} takes {needed / 2**30:.1f} GiB of the GPU, found {free / 2**30:.1f} free: "
                "tensor_slice and memory_map keep it elsewhere"
            )
        rows = Rows(source.images, source.labels)
        return ResidentLoader(
            rows, batch_size=self.batch_size, resize=self.resize, shuffle=shuffle, seed=seed
        )

    def pipeline(self, source: ImageSplit, *, device: str, shuffle: bool, seed: int) -> Pipeline:
        """The loader as it is: its batches are on the device."""
        del device
        loader = self.build(source, shuffle=shuffle, seed=seed)
        return Pipeline(loader, chunk_batches=loader.chunk_batches)
