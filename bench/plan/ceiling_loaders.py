"""Ceiling loaders: the step alone, rows read in stored order, the bus alone."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import torch
from torch.nn.functional import interpolate

from loaders.data.batch import Batch
from loaders.data.image_split import ImageSplit
from loaders.device.pipeline import Pipeline
from loaders.device.resident import MAX_CHUNK_BATCHES
from loaders.spec.knobs import Knob, knob
from loaders.spec.loader_spec import LoaderSpec
from loaders.spec.ring_spec import SCALE_ON

RESIDENT_BATCHES = 4
FEWEST_ROWS = 1024
LEAST_BYTES = 16 << 20


@dataclass(frozen=True)
class CeilingSpec(LoaderSpec):
    """A LoaderSpec that is told on which device its batches shall lie."""

    device: str = "cpu"

    @classmethod
    def declared_knobs(cls) -> dict[str, Knob]:
        """Those that say what work is bounded: neither the device is one, nor how batches would get there."""
        knobs = LoaderSpec.declared_knobs()
        return {name: knobs[name] for name in ("batch_size", "resize")}

    def pipeline(self, source: ImageSplit, *, device: str, shuffle: bool, seed: int) -> Pipeline:
        """The batches are on the device, and stay as they are."""
        del device
        return Pipeline(self.build(source, shuffle=shuffle, seed=seed), chunk_batches=MAX_CHUNK_BATCHES)

    def typical_samples_per_s(self) -> float:
        """Two cores: both ceilings are some millions a second."""
        return 2e6


@dataclass(frozen=True)
class StepCeiling(CeilingSpec):
    """Four batches that are there already, in turn, as many times as the dataset has batches.

    Four, as one would stay in the fastest cache, where no loader's batch is.
    """

    family = "step_ceiling"

    def build(self, source: ImageSplit, *, shuffle: bool, seed: int) -> Iterable[Batch]:
        """The batches, which are the dataset's first ones."""
        del shuffle, seed
        count = min(len(source), RESIDENT_BATCHES * self.batch_size)
        ring = [self._batch(source, start) for start in range(0, count, self.batch_size)]
        return _Resident(ring, len(source))

    def _batch(self, source: ImageSplit, start: int) -> Batch:
        """A batch in memory of its own, as a loader's are."""
        rows = slice(start, start + self.batch_size)
        images = source.images[rows].unsqueeze(1).to(torch.float32).div_(255)
        if self.resize is not None:
            size = (self.resize, self.resize)
            images = interpolate(images, size, mode="bilinear", antialias=True).clamp_(0, 1)
        return images.to(self.device), source.labels[rows].clone().to(self.device)


@dataclass(frozen=True)
class _Resident:
    ring: list[Batch]
    samples: int

    def __iter__(self) -> Iterator[Batch]:
        left, turn = self.samples, 0
        while left > 0:
            images, labels = self.ring[turn % len(self.ring)]
            yield (images, labels) if len(labels) <= left else (images[:left], labels[:left])
            left -= len(labels)
            turn += 1


@dataclass(frozen=True)
class ReadCeiling(CeilingSpec):
    """The dataset's own bytes, copied row by row in stored order into one buffer: each byte is read once.

    A real loader reads them in another order, scales them to four times as many bytes, and writes those to
    more than one buffer.
    """

    family = "read_ceiling"

    def build(self, source: ImageSplit, *, shuffle: bool, seed: int) -> Iterable[Batch]:
        """Rows of uint8 (n, H, W), many at a time, all in the same memory."""
        del shuffle, seed
        images, labels = source.in_memory().images, source.labels
        # However small the batches: a loader that makes many at once would beat what hands over each.
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

    scale_on: as of the loader that it bounds: with `device`, pictures cross as they are stored.
    """

    family = "bus_ceiling"

    scale_on: str = knob(SCALE_ON, "")

    @classmethod
    def declared_knobs(cls) -> dict[str, Knob]:
        """What says how many bytes cross."""
        return {**super().declared_knobs(), "scale_on": SCALE_ON}

    def build(self, source: ImageSplit, *, shuffle: bool, seed: int) -> Iterable[Batch]:
        """Batches of the device's memory, each written anew."""
        del shuffle, seed
        raw = self.scale_on == "device"
        side = source.images.shape[1:] if raw or self.resize is None else (self.resize, self.resize)
        # However small the batches: to launch a copy takes longer than to do a small one.
        rows = max(self.batch_size, LEAST_BYTES // (math.prod(side) * (1 if raw else 4)))
        shape = (min(rows, len(source)), 1, *side)
        count = range(RESIDENT_BATCHES)
        images = [_pinned(torch.ones(shape, dtype=torch.uint8 if raw else torch.float32)) for _ in count]
        labels = [_pinned(torch.ones(shape[:1], dtype=torch.int64)) for _ in count]
        there = [
            tuple(part.to(self.device, copy=True) for part in batch)
            for batch in zip(images, labels, strict=True)
        ]
        return _Bus(list(zip(images, labels, strict=True)), there, len(source))


@dataclass(frozen=True)
class _Bus:
    here: list[tuple[torch.Tensor, ...]]
    there: list[tuple[torch.Tensor, ...]]
    samples: int

    def __iter__(self) -> Iterator[Batch]:
        left, turn = self.samples, 0
        while left > 0:
            place = turn % len(self.here)
            parts = zip(self.there[place], self.here[place], strict=True)
            images, labels = (to[:left].copy_(of[:left], non_blocking=True) for to, of in parts)
            yield images, labels
            left -= len(labels)
            turn += 1


def _pinned(tensor: torch.Tensor) -> torch.Tensor:
    return tensor.pin_memory()


# The columns of ceilings.csv that tell ceilings apart, beside those that every file has.
CEILING_KNOBS = tuple(BusCeiling.declared_knobs())
