"""memory_map: the mapped file, warm and cold epochs, and the memory of its own."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
import torch

from loaders.data.errors import DataError
from loaders.data.image_split import ImageSplit
from loaders.data.mapped_file import MappedFile
from loaders.families import memory_map
from loaders.families.memory_map import CONVERSION, IMAGES, MemoryMap
from tests.fakes import numbered_source, numbers_of

linux = pytest.mark.skipif(sys.platform != "linux", reason="asks Linux about its page cache")


@pytest.fixture
def source(tmp_path: Path) -> ImageSplit:
    return numbered_source(5000, folder=tmp_path)


def resident(file: MappedFile) -> float:
    share = file.resident_share()
    file.drop()
    if file.resident_share() > 0:
        pytest.skip("this folder lies in memory, whose pages can't be dropped")
    return share


def test_the_file_holds_the_bytes(source: ImageSplit) -> None:
    """It holds one byte a pixel, and nothing else."""
    folder = CONVERSION.prepare(source)
    assert (folder / IMAGES).read_bytes() == source.images.numpy().tobytes()


@linux
def test_a_file_is_forgotten_and_read(source: ImageSplit) -> None:
    """No page is in memory after `drop`, and all are after `populate`."""
    file = MappedFile(CONVERSION.prepare(source) / IMAGES)
    resident(file)
    assert file.resident_share() == 0
    file.populate()
    assert file.resident_share() == 1
    assert torch.equal(file.tensor(torch.uint8, (5000, 28, 28)), source.images)


@linux
@pytest.mark.parametrize("fits", [True, False])
def test_cold_epochs_begin_with_nothing_in_memory(
    source: ImageSplit, fits: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """This holds whether the file is read ahead as a whole or row by row."""
    file = MappedFile(CONVERSION.prepare(source) / IMAGES)
    resident(file)
    monkeypatch.setattr(memory_map, "_FITS", 0.8 if fits else 0.0)
    dropped = []
    monkeypatch.setattr(
        MappedFile, "drop", lambda self, drop=MappedFile.drop: (drop(self), dropped.append(1))
    )
    loader = MemoryMap(page_cache="cold").build(source, shuffle=True, seed=0)
    assert file.resident_share() < 0.05
    for _ in range(2):
        before = len(dropped)
        numbers = torch.cat([numbers_of(images) for images, _ in loader])
        assert sorted(numbers.tolist()) == list(range(5000))
        assert len(dropped) > before


@linux
def test_pages_that_were_taken_back_are_read_ahead(
    source: ImageSplit, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The system takes pages back when it needs memory; the next epoch reads them in stored order."""
    populated = []
    populate = MappedFile.populate
    monkeypatch.setattr(MappedFile, "populate", lambda self: (populate(self), populated.append(1)))
    loader = MemoryMap().build(source, shuffle=True, seed=0)
    resident(loader._images)
    for _ in range(2):
        assert sum(len(labels) for _, labels in loader) == 5000
    assert len(populated) == 1
    loader._images.drop()
    assert sum(len(labels) for _, labels in loader) == 5000
    assert len(populated) == 2


@linux
def test_a_file_that_another_process_holds_is_not_cold(source: ImageSplit) -> None:
    """The error says so, instead of a warm epoch that is called cold."""
    other = MappedFile(CONVERSION.prepare(source) / IMAGES)
    resident(other)
    other.populate()
    with pytest.raises(DataError, match="found it in memory after its pages were dropped"):
        MemoryMap(page_cache="cold").build(source, shuffle=True, seed=0)


@linux
def test_its_own_memory_is_the_order_and_the_ring(tmp_path: Path) -> None:
    """That is nine bytes a sample and a few megabytes; the pictures are not copied."""
    samples = 400_000
    pictures = torch.zeros((samples, 14, 14), dtype=torch.uint8)
    source = ImageSplit(
        "zeros", "0" * 64, pictures, torch.zeros(samples, dtype=torch.int64), tuple("ab"), tmp_path
    )
    CONVERSION.prepare(source)

    def private() -> int:
        lines = Path("/proc/self/status").read_text().splitlines()
        return sum(int(line.split()[1]) * 1024 for line in lines if line.startswith(("RssAnon", "RssShmem")))

    before = private()
    loader = MemoryMap(loader_threads=1).build(source, shuffle=True, seed=0)
    for _ in range(2):
        assert sum(len(labels) for _, labels in loader) == samples
    assert private() - before < 9 * samples + 2**24 < pictures.numel()
