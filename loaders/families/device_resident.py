"""The dataset on the GPU, one byte a pixel: order, gather, scaling and resize are done there."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from typing_extensions import Self

from loaders.data.errors import DataError
from loaders.data.image_split import ImageSplit
from loaders.data.rows import Rows
from loaders.device.chunk import Chunk
from loaders.device.pipeline import Pipeline
from loaders.device.resident import ResidentLoader
from loaders.spec.example_code import ExampleCode
from loaders.spec.knobs import Knob
from loaders.spec.loader_spec import DATA_COMMENT, VALIDITY_COMMENT, LoaderSpec

# Bytes of a sample beside its pixels: the label, its place in the stored order and in two drawn ones, and the
# memory of the sort that draws them.
BESIDE_BYTES = 8 + 5 * 8


@dataclass(frozen=True)
class DeviceResident(LoaderSpec):
    """Rows of a uint8 tensor on the CUDA device, for data that fits there: the host does no work on a batch.

    Batch n is valid until batch n+2 is requested. `resize` is bilinear and antialiased, without rounding to
    uint8.
    """

    @classmethod
    def declared_knobs(cls) -> dict[str, Knob]:
        """Return all knobs but `transfer`, since no batch is transferred."""
        return {name: knob for name, knob in super().declared_knobs().items() if name != "transfer"}

    def resolve(self, *, cuda: bool = False) -> Self:
        """Return the spec itself, since no value is `none` by default."""
        del cuda
        return self

    def invalid(self, *, cuda: bool) -> str | None:
        """Return why there is no such loader without a CUDA device, or None."""
        return None if cuda else "device_resident keeps the dataset on a CUDA device"

    def typical_samples_per_s(self) -> float:
        """Return the rate of a GPU; starting an epoch takes longer than the epoch."""
        return 10_000_000

    def build(self, source: ImageSplit, *, shuffle: bool, seed: int) -> ResidentLoader:
        """Return a loader whose batches lie on the current CUDA device, to which the dataset is copied.

        Raises:
            DataError: the dataset doesn't fit there.
        """
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
        """Return the loader without a transfer, since its batches are on the device."""
        del device
        loader = self.build(source, shuffle=shuffle, seed=seed)
        return Pipeline(loader, chunk_batches=loader.chunk_batches)

    def loader_code(self) -> ExampleCode:
        """Return the code of a ResidentLoader over pictures in memory."""
        code = ExampleCode(
            "from loaders.device.resident import ResidentLoader", "from loaders.ring import Rows"
        )
        code.lines += [DATA_COMMENT, VALIDITY_COMMENT]
        side = {} if self.resize is None else {"resize": self.resize}
        keywords = {"batch_size": self.batch_size, **side}
        code.assign("loader", "ResidentLoader", "Rows(images, labels)", keywords=keywords)
        return code

    def add_transfer(self, code: ExampleCode, chunk: Chunk) -> None:
        """Add nothing, since the batches are on the device."""
