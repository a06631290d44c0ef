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
from loaders.spec.example_code import ExampleCode
from loaders.spec.knobs import Choice, Knob, knob
from loaders.spec.ring_spec import RingSpec

PAGE_CACHE = Knob(
    "page_cache",
    Choice(("warm", "cold")),
    help="warm uses the file's pages that the system holds in memory; cold drops them before each epoch, so "
    "that all bytes come from the disk",
    full=("warm", "cold"),
)

IMAGES = "images-uint8.bin"
_CHUNK = 8192  # samples written at a time
# A file up to this share of the free memory is read ahead as a whole.
_FITS = 0.8
# Largest share of a file's pages in memory at a cold start.
_FORGOTTEN = 0.05


def write(source: ImageSplit, folder: Path, progress: Progress) -> None:
    """Write the pictures, one byte a pixel, one after another.

    Args:
        source: the data.
        folder: where the file `IMAGES` is written.
        progress: called with the samples written and all samples.
    """
    with (folder / IMAGES).open("wb") as file:
        for start in range(0, len(source), _CHUNK):
            file.write(source.images[start : start + _CHUNK].contiguous().numpy().data)
            progress(min(start + _CHUNK, len(source)), len(source))
        file.flush()
        os.fsync(file.fileno())
    # The system keeps written bytes in small pages, but reads a mapped file in large ones.
    MappedFile(folder / IMAGES).drop()


def fits(file: MappedFile) -> bool:
    """Return whether the free memory holds the whole file."""
    return file.size <= psutil.virtual_memory().available * _FITS


CONVERSION = Conversion("memory_map", 1, write)


@dataclass(frozen=True)
class MemoryMap(RingSpec):
    """Rows of a mapped file, gathered into a ring.

    In memory of its own it holds the order (eight bytes a sample), the labels and the ring. The file is made
    beside the data once, and used again. The first epoch reads it in stored order if it fits into memory; if
    not, the rows that are due soon are requested one by one.

    Attributes:
        page_cache: `warm` or `cold`, whether an epoch finds the file's pages in memory; default `warm`.
    """

    page_cache: str = knob(PAGE_CACHE, "warm")

    def prepare(self, source: ImageSplit, progress: Progress | None = None) -> None:
        """Make the file, or check every byte of it; raise DataError if it can't be made."""
        images = MappedFile(CONVERSION.prepare(source, progress, verify=True) / IMAGES)
        # The pages that the check has read are small.
        images.drop()
        if fits(images):
            images.populate()

    def build(self, source: ImageSplit, *, shuffle: bool, seed: int) -> MappedLoader:
        """Return a loader over the mapped file, which is made first if it is missing.

        Raises:
            DataError: the file can't be made, or `page_cache="cold"` can't be had.
        """
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
                    f"{folder / IMAGES}: found it in memory after its pages were dropped, expected "
                    f"page_cache=cold on a disk, and a file that no other process has mapped"
                )
        ring = self.make_ring_loader(Rows(rows, source.labels, ask=not whole), shuffle=shuffle, seed=seed)
        return MappedLoader(ring, images, whole=whole, cold=cold)

    def loader_code(self) -> ExampleCode:
        """Return the code of a RingLoader over a mapped file of the user's own."""
        code = ExampleCode(
            "from pathlib import Path", "import torch", "from loaders.data.mapped_file import MappedFile"
        )
        code.lines += [
            '# Once, with images uint8 (N, H, W): images.numpy().tofile("images.bin"). labels: int64 (N,).',
            'file = MappedFile(Path("images.bin"))',
            "# If the file is larger than memory: file.read_at_random(), and Rows(images, labels, ask=True).",
            "file.populate()",
            "images = file.tensor(torch.uint8, (len(labels), height, width))",
        ]
        self.add_ring_loader(code)
        return code


class MappedLoader:
    """RingLoader over a mapped file, which a thread reads ahead if it isn't in memory.

    Args:
        ring: loads the mapped rows.
        images: the mapped file.
        whole: whether the file fits into memory and is read ahead.
        cold: whether its pages are dropped before and after each epoch.
    """

    def __init__(self, ring: RingLoader, images: MappedFile, *, whole: bool, cold: bool) -> None:
        self._ring = ring
        self._images = images
        self._whole = whole
        self._cold = cold
        self._mapped = False

    @property
    def reuses_buffers(self) -> bool:
        """True if the memory of batch n is overwritten once batch n+2 is requested."""
        return self._ring.reuses_buffers

    @property
    def samples(self) -> int:
        """Samples in an epoch."""
        return self._ring.samples

    @property
    def device_transform(self) -> DeviceTransform | None:
        """Work that the device must do on raw pictures; None for scaled ones."""
        return self._ring.device_transform

    def __len__(self) -> int:
        """Return the number of batches of an epoch."""
        return len(self._ring)

    def __iter__(self) -> Iterator[Batch]:
        if self._cold:
            self._images.drop()
        reader = threading.Thread(target=self._images.populate, daemon=True)
        # The first epoch maps the pages that are in memory. Before later ones the system may have taken pages
        # back, and reading gigabytes page by page in random order would take minutes.
        if self._whole and (not self._mapped or self._images.resident_share() < 1):
            self._mapped = True
            reader.start()
        try:
            yield from self._ring
        finally:
            # The reader of an epoch that is left early would disturb the next epoch.
            if reader.ident is not None and not sys.is_finalizing():
                reader.join()
            if self._cold:
                # Pages that this process has mapped could not be dropped for another loader.
                self._images.drop()
