"""LoaderSpec: the knobs of one loader, and how it is built from them."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields, replace
from typing import ClassVar

from typing_extensions import Self

from loaders.data.batch import Batch
from loaders.data.conversion import Progress
from loaders.data.image_split import ImageSplit
from loaders.device.device import CudaDevice
from loaders.device.device_transform import DeviceTransform
from loaders.device.pipeline import TRANSFERS, Pipeline, to_device
from loaders.spec.knobs import Choice, Integer, Knob, Value, knob

BATCH_SIZE = Knob(
    "batch_size",
    Integer(1, 100_000),
    help="samples in a batch",
    quick=(1024,),
    full=(64, 256, 1024),
)
RESIZE = Knob(
    "resize",
    Integer(1, 1024, optional=True),
    help="side in pixels that every picture is resized to; none leaves it as it is",
    quick=(32,),
    full=(None, 64),
)
TRANSFER = Knob(
    "transfer",
    Choice(TRANSFERS, optional=True),
    help="how batches reach a CUDA device: .to(device), .to(device, non_blocking=True), or copied ahead on a "
    "stream of their own; none is prefetch for a ring, else non_blocking from page-locked memory and "
    "blocking from other",
    quick=("prefetch",),
    full=(None, "prefetch"),
)


@dataclass(frozen=True)
class LoaderSpec(ABC):
    """The knobs of one loader and nothing else: one family, one subclass, one file of `loaders/families/`.

    What `build` returns must keep this contract, which `tests/loaders/test_contract.py` holds for every
    family: each `iter()` is one epoch; it yields batches `(images, labels)`, float32 (B, 1, H, W) in
    [0, 1] and int64 (B,), that hold each sample of the source exactly once beside its own label, the last
    batch being smaller where the batch size doesn't divide the number of samples. With `shuffle` the same
    seed gives the same order (save where a knob gives it up, as `in_order=off` does), and a second epoch
    another one; without, the stored order. A loader whose batches are written over, from the second one
    after them on, says so by `reuses_buffers = True`.
    """

    # Whether a sweep that names no family shows this one too: not where it fills a disk with files.
    shown_unasked: ClassVar[bool] = True

    batch_size: int = knob(BATCH_SIZE, 256)
    resize: int | None = knob(RESIZE, None)
    transfer: str | None = knob(TRANSFER, None)

    @property
    def family(self) -> str:
        """The family's name: that of the file it stands in."""
        return type(self).__module__.rpartition(".")[2]

    @classmethod
    def declared_knobs(cls) -> dict[str, Knob]:
        """The family's knobs by name, in the order of their declaration."""
        return {f.name: f.metadata["knob"] for f in fields(cls)}

    def knobs(self) -> dict[str, Value]:
        """The value of each knob by its name."""
        return {name: getattr(self, name) for name in self.declared_knobs()}

    def with_knobs(self, values: Mapping[str, Value]) -> Self:
        """The same loader with these knobs at these values."""
        return replace(self, **values)  # type: ignore[arg-type]  # each Kind parses its field's type

    def resolved(self, *, cuda: bool = False) -> Self:
        """The same loader with every default that PyTorch or the machine would fill in written out.

        cuda: with a CUDA device to feed.
        """
        if not cuda:
            return self
        pinned = "non_blocking" if self.knobs().get("pin_memory") else "blocking"
        return replace(self, transfer=self.transfer or pinned)

    def invalid(self, *, cuda: bool) -> str | None:
        """Why these knobs can't go together (`cuda`: with a CUDA device to feed), or None where they can."""
        if self.transfer is not None and not cuda:
            return f"transfer={self.transfer} needs a CUDA device to feed"
        return None

    def unavailable(self) -> str | None:
        """What this family needs and this machine lacks, with the cure, or None where all is there."""
        return None

    def slowed_by(self) -> str | None:
        """What keeps this family from its full speed on this machine, with the cure, or None."""
        return None

    @abstractmethod
    def typical_samples_per_s(self) -> float:
        """About what this loader delivers on two cores: for the estimate before a sweep, for no result."""

    def prepare(self, source: ImageSplit, progress: Progress | None = None) -> None:
        """Make and check every byte of what `build` needs beside the source, such as files of another format.

        `build` makes it too where it isn't there. Raises DataError where it can't be made.
        """
        del source, progress

    @abstractmethod
    def build(self, source: ImageSplit, *, shuffle: bool, seed: int) -> Iterable[Batch]:
        """The loader over `source`, shuffled in an order that `seed` decides, or in the stored one.

        Its batches are in the host's memory.
        """

    def device_transform(self) -> DeviceTransform | None:
        """What is left to do on the device to what `build` delivers; None where nothing is."""
        return None

    def chunk_batches(self, source: ImageSplit) -> int:
        """How many batches are best made and prefetched at once; 1 where each is made by itself."""
        del source
        return 1

    def with_chunk(self, chunk_batches: int) -> Self:
        """The same loader with batches as large as so many."""
        return replace(self, batch_size=chunk_batches * self.batch_size)

    def pipeline(self, source: ImageSplit, *, device: str, shuffle: bool, seed: int) -> Pipeline:
        """The same, with batches that arrive on the device, `cpu` or `cuda`."""
        if device == "cpu":
            return Pipeline(self.build(source, shuffle=shuffle, seed=seed))
        spec = self.resolved(cuda=True)
        chunk_batches = spec.chunk_batches(source) if spec.transfer == "prefetch" else 1
        return to_device(
            spec.with_chunk(chunk_batches).build(source, shuffle=shuffle, seed=seed),
            CudaDevice(device),
            spec.transfer or "blocking",
            device_transform=spec.device_transform(),
            chunk_batches=chunk_batches,
            batch_size=spec.batch_size,
        )
