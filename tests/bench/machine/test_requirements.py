"""Requirements, held against a DataLoader that has just so much."""

from __future__ import annotations

import sys

import pytest

from bench.machine import requirements
from bench.machine.requirements import (
    LoaderSettings,
    Requirements,
    StoredPictures,
    estimate_all,
    estimate_for_batches,
    estimate_requirements,
)
from tests.bench.machine.fake_root import in_shm

FEW = estimate_requirements(LoaderSettings(1024, 2))
LOADER = """
import sys, time, torch
from torch.utils.data import DataLoader

class Ones(torch.utils.data.Dataset):
    def __len__(self):
        return 12 * 256
    def __getitem__(self, index):
        return torch.ones(1, 28, 28), index

settings = {"num_workers": 2, "prefetch_factor": 2, "multiprocessing_context": "fork"}
for batch in DataLoader(Ones(), batch_size=256, **settings):
    time.sleep(0.05)  # time for workers to load ahead as far as they may
"""


def test_shared_memory_is_needed_for_all_batches_that_can_be_alive() -> None:
    """Batches loaded ahead, the one just taken and the one before it take whole pages, as semaphores do."""
    if requirements.mmap.PAGESIZE == 4096:
        assert FEW.shm_bytes == 6 * (1024 * 28 * 28 * 4 + 1024 * 8) + (3 * 3 + 5 + 2) * 4096
        one = estimate_requirements(LoaderSettings(1, 1, 1))
        assert one.shm_bytes == 3 * 2 * 4096 + (3 * 2 + 5 + 2) * 4096


def test_no_more_shared_memory_than_an_epoch_has_samples() -> None:
    """The last batch of an epoch is smaller."""
    needs = estimate_requirements(LoaderSettings(8192, 8), StoredPictures(60_000))
    assert 60_000 * (28 * 28 * 4 + 8) < needs.shm_bytes < 60_000 * (28 * 28 * 4 + 8) + 2**18
    assert estimate_requirements(LoaderSettings(10**6, 1), StoredPictures(10)).shm_bytes < 2**17


@pytest.mark.parametrize(("missing", "works"), [(0, True), (2, False)])
def test_a_dataloader_needs_the_estimated_shared_memory(missing: int, works: bool) -> None:
    """It fails with two batches less room, and runs with the estimate."""
    needs = estimate_requirements(LoaderSettings(256, 2), StoredPictures(12 * 256))
    batch_bytes = 256 * (28 * 28 * 4 + 8)
    room = needs.shm_bytes - missing * batch_bytes if missing else needs.shm_bytes + needs.shm_spare_bytes
    done = in_shm(room, sys.executable, "-W", "ignore", "-c", LOADER)
    assert (done.returncode == 0) == works, done.stderr
    assert works or "No space left on device" in done.stderr


def test_workers_that_are_not_forked_take_more() -> None:
    """Each of them imports torch, and gets the data through /dev/shm."""
    forked, fresh = (
        estimate_requirements(LoaderSettings(1, 4, multiprocessing_context=method))
        for method in ("fork", "spawn")
    )
    assert fresh.memory_bytes > forked.memory_bytes + 4 * 2**28
    assert fresh.processes >= forked.processes
    # And gets the data through /dev/shm, where forked ones inherit it.
    assert 60_000 * (28 * 28 + 8) <= fresh.shm_bytes - forked.shm_bytes < 60_000 * (28 * 28 + 8) + 2**14


def test_without_workers_little_is_needed() -> None:
    """They take no shared memory and no more files."""
    needs = estimate_requirements(LoaderSettings(1024))
    assert (needs.workers, needs.shm_bytes, needs.open_files) == (0, 0, requirements.OWN_FILES)


def test_of_several_loaders_the_most_counts() -> None:
    """Each requirement is the largest of all loaders'."""
    ring = LoaderSettings.from_knobs({"batch_size": 4096, "loader_threads": 2})
    assert ring == LoaderSettings(4096)
    many = LoaderSettings.from_knobs(
        {"num_workers": 8, "batch_size": 64, "prefetch_factor": 2, "multiprocessing_context": "fork"}
    )
    large = LoaderSettings.from_knobs(
        {"num_workers": 1, "batch_size": 4096, "prefetch_factor": 4, "resize": 64}
    )
    needs = estimate_all([ring, many, large], StoredPictures())
    assert needs.workers == 8
    assert needs.open_files == estimate_requirements(many).open_files
    assert needs.shm_bytes == estimate_requirements(large).shm_bytes
    assert estimate_all([], StoredPictures(1)) == Requirements()


@pytest.mark.parametrize("workers", [0, 2])
@pytest.mark.parametrize("resize", [None, 8])
def test_oblong_pictures_take_their_height_times_their_width(workers: int, resize: int | None) -> None:
    """Square pictures of the same area take as much. Resized pictures are square."""
    settings = LoaderSettings(64, workers, multiprocessing_context="spawn", resize=resize)
    oblong, upright, square = (
        estimate_requirements(settings, StoredPictures(1000, height, width))
        for height, width in ((10, 1000), (1000, 10), (100, 100))
    )
    assert oblong == upright == square
    small = estimate_requirements(settings, StoredPictures(1000, 10, 10))
    assert small.data_bytes < oblong.data_bytes
    assert (small.memory_bytes < oblong.memory_bytes) == (workers > 0 or resize is None)


def test_own_batches_need_no_room_for_data() -> None:
    """The user's data are in place. Batches that wait take shared memory, under any start method."""
    megabyte = 2**20
    for method in ("fork", "spawn"):
        needs = estimate_for_batches([LoaderSettings(64, 2, 2, method), LoaderSettings(64)], megabyte)
        assert needs.data_bytes == 0
        assert 6 * megabyte < needs.shm_bytes < 8 * megabyte
