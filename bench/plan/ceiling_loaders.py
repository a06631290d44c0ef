"""Ceiling loaders: the train step alone, the dataset's bytes read once, the bus alone.

They are no loader families, since they deliver nothing to train on.
"""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import psutil
import torch
from torch.nn.functional import interpolate
from typing_extensions import Self

from loaders.data.batch import Batch
from loaders.data.image_split import ImageSplit
from loaders.device.pipeline import Pipeline
from loaders.device.resident import MAX_CHUNK_BATCHES
from loaders.spec.knob_set import KnobSet
from loaders.spec.knobs import Knob, Value, knob
from loaders.spec.loader_spec import LoaderSpec
from loaders.spec.own_loader_spec import PARAM, OwnLoaderSpec
from loaders.spec.ring_spec import SCALE_ON

RESIDENT_BATCHES = 4
FEWEST_ROWS = 1024
LEAST_BYTES = 16 << 20
# Memory for captured batches: this much, and no more than this share of what is available.
MOST_BYTES = 256 << 20
MOST_OF_AVAILABLE = 0.05


@dataclass(frozen=True)
class CeilingSpec(LoaderSpec):
    """Knobs of a ceiling: those of a loader that decide the work it bounds."""

    @classmethod
    def declared_knobs(cls) -> dict[str, Knob]:
        """Return `batch_size` and `resize`: a ceiling has no transfer to choose."""
        knobs = LoaderSpec.declared_knobs()
        return {name: knobs[name] for name in ("batch_size", "resize")}

    @abstractmethod
    def make_batches(self, source: ImageSplit, device: str) -> Iterable[Batch]:
        """Return the batches of an epoch, in the memory that the ceiling is about.

        Args:
            source: the data.
            device: `cpu` or `cuda`.
        """

    def build(self, source: ImageSplit, *, shuffle: bool, seed: int) -> Iterable[Batch]:
        """Return the batches of an epoch in the host's memory."""
        del shuffle, seed
        return self.make_batches(source, "cpu")

    def pipeline(self, source: ImageSplit, *, device: str, shuffle: bool, seed: int) -> Pipeline:
        """Return the batches of an epoch without a transfer. They stay valid."""
        del shuffle, seed
        return Pipeline(self.make_batches(source, device), chunk_batches=MAX_CHUNK_BATCHES)

    def typical_samples_per_s(self) -> float:
        """Return the rate of all ceilings on two cores, which is some millions a second."""
        return 2e6


@dataclass(frozen=True)
class StepCeiling(CeilingSpec):
    """Four resident batches in turn, as many times as the dataset has batches.

    A single batch would stay in the fastest cache, and no loader's batch is there.
    """

    family = "step_ceiling"

    def make_batches(self, source: ImageSplit, device: str) -> Iterable[Batch]:
        """Return the first batches of the dataset on the device, again and again."""
        count = min(len(source), RESIDENT_BATCHES * self.batch_size)
        batches = [self._make_batch(source, start) for start in range(0, count, self.batch_size)]
        return _Resident([(images.to(device), labels.to(device)) for images, labels in batches], len(source))

    def _make_batch(self, source: ImageSplit, start: int) -> Batch:
        """Return one batch in memory of its own, as a loader delivers it."""
        rows = slice(start, start + self.batch_size)
        images = source.images[rows].unsqueeze(1).to(torch.float32).div_(255)
        if self.resize is not None:
            size = (self.resize, self.resize)
            images = interpolate(images, size, mode="bilinear", antialias=True).clamp_(0, 1)
        return images, source.labels[rows].clone()


@dataclass(frozen=True)
class _Resident:
    batches: list[Batch]
    samples: int

    def __iter__(self) -> Iterator[Batch]:
        left, turn = self.samples, 0
        while left > 0:
            images, labels = self.batches[turn % len(self.batches)]
            yield (images, labels) if len(labels) <= left else (images[:left], labels[:left])
            left -= len(labels)
            turn += 1


@dataclass(frozen=True)
class ReadCeiling(CeilingSpec):
    """The dataset's own bytes, copied row by row in stored order into one buffer of the host.

    A real loader reads them in another order, scales them to four times as many bytes, and writes those to
    more than one buffer.
    """

    family = "read_ceiling"

    def make_batches(self, source: ImageSplit, device: str) -> Iterable[Batch]:
        """Return rows of uint8 (n, H, W), many at a time, all in the same memory of the host."""
        del device
        images, labels = source.in_memory().images, source.labels
        # At least so many rows, or a loader that makes many small batches at once would beat the ceiling.
        rows = max(self.batch_size, FEWEST_ROWS)
        return _StoredOrder(images, labels, images.new_empty((rows, *images.shape[1:])))


@dataclass(frozen=True)
class _StoredOrder:
    images: torch.Tensor
    labels: torch.Tensor
    buffer: torch.Tensor

    def __iter__(self) -> Iterator[Batch]:
        size = len(self.buffer)
        for start in range(0, len(self.labels), size):
            labels = self.labels[start : start + size]
            yield self.buffer[: len(labels)].copy_(self.images[start : start + size]), labels


@dataclass(frozen=True)
class BusCeiling(CeilingSpec):
    """Copies of page-locked batches to the device, one after another, and nothing else.

    Attributes:
        scale_on: `scale_on` of the bounded loader. With `device`, pictures cross the bus as stored bytes.
    """

    family = "bus_ceiling"

    scale_on: str = knob(SCALE_ON, "")

    @classmethod
    def declared_knobs(cls) -> dict[str, Knob]:
        """Return the knobs that decide how many bytes cross."""
        return {**super().declared_knobs(), "scale_on": SCALE_ON}

    def make_batches(self, source: ImageSplit, device: str) -> Iterable[Batch]:
        """Return batches in the device's memory, each one copied there when it is requested."""
        raw = self.scale_on == "device"
        side = source.images.shape[1:] if raw or self.resize is None else (self.resize, self.resize)
        # At least so many bytes, since the launch of a copy takes longer than a small copy.
        rows = max(self.batch_size, LEAST_BYTES // (math.prod(side) * (1 if raw else 4)))
        shape = (min(rows, len(source)), 1, *side)
        count = range(RESIDENT_BATCHES)
        images = [_pin(torch.ones(shape, dtype=torch.uint8 if raw else torch.float32)) for _ in count]
        labels = [_pin(torch.ones(shape[:1], dtype=torch.int64)) for _ in count]
        host = list(zip(images, labels, strict=True))
        resident = [tuple(part.to(device, copy=True) for part in batch) for batch in host]
        return _Bus(host, resident, len(source))


@dataclass(frozen=True)
class _Bus:
    host: Sequence[tuple[torch.Tensor, ...]]
    device: Sequence[tuple[torch.Tensor, ...]]
    samples: int

    def __iter__(self) -> Iterator[Batch]:
        left, turn = self.samples, 0
        while left > 0:
            place = turn % len(self.host)
            parts = zip(self.device[place], self.host[place], strict=True)
            images, labels = (to[:left].copy_(of[:left], non_blocking=True) for to, of in parts)
            yield images, labels
            left -= len(labels)
            turn += 1


def _pin(tensor: torch.Tensor) -> torch.Tensor:
    return tensor.pin_memory()


# Columns of ceilings.csv that tell ceilings of pictures apart, beside those that every file has.
PICTURE_KNOBS = tuple(BusCeiling.declared_knobs())


@dataclass(frozen=True)
class OwnStepCeiling(KnobSet):
    """Batches of a user's own loader, captured before the clock starts, in turn for as long as an epoch.

    The workload captures them, as it alone can open the user's loader.

    Attributes:
        work: those knobs of the bounded loaders that decide the step's work, with their values.
        most_bytes: most bytes of the captured batches.
        batches: number of batches in an epoch of these loaders, as their inspection found; default None where
            it isn't known.
    """

    family = "step_ceiling"

    work: tuple[tuple[str, Value], ...]
    most_bytes: int
    batches: int | None = None

    @classmethod
    def below(cls, spec: OwnLoaderSpec, most_bytes: int) -> Self:
        """Return the ceiling of a loader.

        Args:
            spec: the loader.
            most_bytes: most bytes of the captured batches.
        """
        knobs = spec.knobs().items()
        work = ((name, value) for name, value in knobs if name == "batch_size" or name.startswith(PARAM))
        return cls(tuple(work), most_bytes, spec.facts.batches)

    @property
    def batch_size(self) -> int | None:
        """Samples in a batch; None for the user's own number."""
        size = dict(self.work).get("batch_size")
        return size if isinstance(size, int) else None

    @property
    def params(self) -> dict[str, Value]:
        """Parameters of the function that makes the loader."""
        return {name.removeprefix(PARAM): value for name, value in self.work if name.startswith(PARAM)}

    def knobs(self) -> dict[str, Value]:
        """Return the knobs that decide the step's work, as the bounded loaders have them."""
        return dict(self.work)

    def with_knobs(self, values: Mapping[str, Value]) -> Self:
        """Return a copy with these values."""
        return replace(self, work=tuple({**dict(self.work), **values}.items()))

    def resolve(self, *, cuda: bool = False) -> Self:
        """Return the ceiling itself: the bounded loaders' values are known."""
        del cuda
        return self

    def invalid(self, *, cuda: bool) -> str | None:
        """Return None: it can be measured wherever the loaders can."""
        del cuda
        return None

    def typical_samples_per_s(self) -> float:
        """Return 4,000, twice what is assumed of the loaders below it."""
        return 4_000


def find_most_bytes() -> int:
    """Return the bytes that captured batches may take: 256 MiB, or 5% of the available memory if less."""
    return min(MOST_BYTES, int(MOST_OF_AVAILABLE * psutil.virtual_memory().available))
