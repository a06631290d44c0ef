"""The dataset as a uint8 file on disk, mapped into memory and gathered into a ring: for data of any size."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psutil
import torch

from loaders.data.batch import Batch
from loaders.data.conversion import Conversion, Progress
from loaders.data.errors import DataError
from loaders.data.image_split import ImageSplit
from loaders.data.mapped_file import MappedFile
from loaders.data.rows import Rows
from loaders.device.device_transform import DeviceTransform
from loaders.ring.ring_loader import RingLoader
from loaders.spec.knobs import Choice, Knob, knob
from loaders.spec.ring_spec import RingSpec

PAGE_CACHE = Knob(
    "page_cache",
    Choice(("warm", "cold")),
    help="warm reads what the system holds of the file in memory; cold has it forgotten before each epoch, "
    "so that all comes from the disk",
    full=("warm", "cold"),
)

IMAGES = "images-uint8.bin"
_CHUNK = 8192  # samples written at a time
# Of the memory that is free, a file up to this share of it is read ahead as a whole.
_FITS = 0.8
# Of a file's pages, so many may stay in memory for a start to pass as cold.
_FORGOTTEN = 0.05


def write(source: ImageSplit, folder: Path, progress: Progress) -> None:
    """Write the images as they are, one byte a pixel."""
    with (folder / IMAGES).open("wb") as file:
        for start in range(0, len(source), _CHUNK):
            file.write(source.images[start : start + _CHUNK].contiguous().numpy().data)
            progress(min(start + _CHUNK, len(source)), len(source))
        file.flush()
        os.fsync(file.fileno())
    # The system keeps what was written in small pages, but reads a mapped file in large ones.
    MappedFile(folder / IMAGES).drop()


def fits(file: MappedFile) -> bool:
    """Whether the memory that is free holds all of the file."""
    return file.size <= psutil.virtual_memory().available * _FITS


CONVERSION = Conversion("memory_map", 1, write)


@dataclass(frozen=True)
class MemoryMap(RingSpec):
    """Rows of a mapped file, in a shuffled order, gathered as by `tensor_slice`: the order, eight bytes a
    sample, the labels and the ring are all that it holds in memory of its own.

    A batch stays valid until the second one after it is asked for; `copy=True` gives batches that last. The
    file is made beside the data once, and used again. The first epoch reads it through in stored order, if it
    fits into memory; if not, the rows that are due soon are asked for one by one.
    """

    page_cache: str = knob(PAGE_CACHE, "warm")

    def prepare(self, source: ImageSplit, progress: Progress | None = None) -> None:
        """Make the file, or check every byte of it."""
        images = MappedFile(CONVERSION.prepare(source, progress, verify=True) / IMAGES)
        # What was read to check it is in small pages, too.
        images.drop()
        if fits(images):
            images.populate()

    def build(self, source: ImageSplit, *, shuffle: bool, seed: int) -> MappedLoader:
        """A loader over the mapped file, which is made now if it isn't there."""
        folder = CONVERSION.prepare(source)
        images = MappedFile(folder / IMAGES)
        whole = fits(images)
        if not whole:
            images.read_at_random()
        rows = images.tensor(torch.uint8, tuple(source.images.shape))
        cold = self.page_cache == "cold"
        if cold:
            images.drop()
            if images.resident_share() > _FORGOTTEN:
                raise DataError(
                    f"{folder / IMAGES}: found it in memory after it was to be forgotten, expected "
                    f"page_cache=cold on a disk, and a file that no other process has mapped"
                )
        ring = self.ring_loader(Rows(rows, source.labels, ask=not whole), shuffle=shuffle, seed=seed)
        return MappedLoader(ring, images, whole=whole, cold=cold)


class MappedLoader:
    """A RingLoader over a mapped file, which is read ahead beside an epoch where it isn't in memory."""

    def __init__(self, ring: RingLoader, images: MappedFile, *, whole: bool, cold: bool) -> None:
        self._ring = ring
        self._images = images
        self._whole = whole
        self._cold = cold
        self._mapped = False

    @property
    def reuses_buffers(self) -> bool:
        """As of the ring."""
        return self._ring.reuses_buffers

    @property
    def samples(self) -> int:
        """As of the ring."""
        return self._ring.samples

    @property
    def device_transform(self) -> DeviceTransform | None:
        """As of the ring."""
        return self._ring.device_transform

    def __len__(self) -> int:
        """The number of batches of an epoch."""
        return len(self._ring)

    def __iter__(self) -> Iterator[Batch]:
        if self._cold:
            self._images.drop()
        reader = threading.Thread(target=self._images.populate, daemon=True)
        # The first time to map what may be in memory already. Later, the system may have taken pages back:
        # to read them one by one, where an epoch happens to look, takes minutes for gigabytes.
        if self._whole and (not self._mapped or self._images.resident_share() < 1):
            self._mapped = True
            reader.start()
        try:
            yield from self._ring
        finally:
            # Also where the epoch is left early: it would read behind the next one's back.
            if reader.ident is not None and not sys.is_finalizing():
                reader.join()
            if self._cold:
                # What this process has mapped no other loader could have forgotten.
                self._images.drop()
