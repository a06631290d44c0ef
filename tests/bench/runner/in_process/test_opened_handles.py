"""Files that a dataset opens: they are closed after a trial in this process, and keep workers away."""

from __future__ import annotations

import gc
import multiprocessing
import socket
import sqlite3
import sys
import threading
import time
from functools import partial
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from torch.utils.data import DataLoader, Dataset, Subset

from bench.runner.in_process import tune_in_process as in_process
from bench.runner.in_process.in_process_lab import Budget
from bench.runner.in_process.opened_handles import holds_open_file, put_back_handles


class Lazy(Dataset):
    """A dataset that opens its file at the first sample, so that each worker has its own."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.file = None
        self.is_open = False
        self.shards: dict[int, object] = {}
        self.cache: dict[int, np.ndarray] = {}
        self.seen = 0

    def __len__(self) -> int:
        return 40

    def __getitem__(self, index: int) -> int:
        self.seen += 1
        if not self.is_open:
            self.file, self.is_open = self.path.open("rb"), True
        self.file.seek(index)
        self.cache[index] = np.zeros(3)
        return self.file.read(1)[0]


@pytest.fixture
def path(tmp_path) -> Path:
    file = tmp_path / "samples"
    file.write_bytes(bytes(range(40)))
    return file


def count_open() -> int:
    return sum(1 for _ in Path("/proc/self/fd").iterdir())


def test_what_was_opened_is_put_back(path) -> None:
    """With all that the object says of it; caches stay."""
    dataset = Lazy(path)
    before = count_open()
    with put_back_handles(Subset(dataset, range(9))):
        assert dataset[3] == 3
    assert (dataset.file, dataset.is_open, dataset.seen) == (None, False, 0)
    assert list(dataset.cache) == [3]
    assert count_open() == before
    assert dataset[4] == 4
    dataset.file.close()


def test_files_in_a_dict_are_put_back(path) -> None:
    """One for each shard."""
    dataset = Lazy(path)
    with put_back_handles(dataset):
        dataset.shards[1] = path.open("rb")
        dataset.seen = 7
    assert dataset.shards == {}
    assert dataset.seen == 7


def test_files_in_a_list_are_put_back(path) -> None:
    """Its samples stay where none is new."""
    holder = SimpleNamespace(files=[None] * 300, samples=[])
    with put_back_handles(holder):
        holder.files[7] = path.open("rb")
        holder.samples.append(1)
    assert holder.files == [None] * 300
    assert holder.samples == [1]


def test_without_a_file_nothing_is_put_back() -> None:
    """Counters and caches may belong to each other."""
    holder = SimpleNamespace(samples=None, count=0, items=[])
    with put_back_handles(holder):
        holder.samples, holder.count = torch.zeros(3), 1
        holder.items.append(1)
    assert holder.samples is not None
    assert holder.count == 1


def test_a_file_that_is_read_from_is_found(path) -> None:
    """No log, no closed file, and none in memory."""
    with path.open("rb") as file, (path.parent / "log").open("a") as log:
        assert holds_open_file(SimpleNamespace(parts=[{"a": file}]))
        assert not holds_open_file(SimpleNamespace(log=log, err=sys.__stderr__, lock=threading.Lock()))
    assert not holds_open_file(SimpleNamespace(file=file, path=path))
    connection = sqlite3.connect(":memory:")
    assert holds_open_file(SimpleNamespace(base=connection))
    connection.close()
    assert not holds_open_file(SimpleNamespace(queue=multiprocessing.SimpleQueue()))
    with socket.socket() as one:
        assert holds_open_file(SimpleNamespace(link=one))


def collate_from(dataset, indices) -> list[int]:
    """Return samples of a dataset that the loader doesn't know."""
    return [dataset[int(index)] for index in indices]


def tune(loader, knobs=None):
    order = in_process.TuningOrder(Budget(0.5, time.monotonic()), 1, lambda batch: time.sleep(1e-3), knobs)
    return in_process.tune_in_process(loader, order)


def test_an_open_file_keeps_workers_away(path) -> None:
    """They would read at each other's position, unless the user says that it is right."""
    dataset = Lazy(path)
    dataset[0]
    reason = f"there is nothing to vary: {in_process.HOLDS_FILE}"
    assert tune(DataLoader(dataset)).reason == reason
    assert tune(DataLoader([1, 2], collate_fn=partial(collate_from, dataset))).reason == reason
    knobs = {"num_workers": [0, 1], "prefetch_factor": [2], "persistent_workers": [False]}
    assert "nothing to vary" not in tune(DataLoader(dataset), knobs).reason
    assert "nothing to vary" not in tune(DataLoader(dataset, num_workers=1)).reason
    dataset.file.close()


def test_trials_in_this_process_leave_no_file_open(path) -> None:
    """Each trial opens its own."""
    dataset = Lazy(path)
    # What earlier tests left behind closes whenever its cycle is found.
    gc.collect()
    before = count_open()
    tune(DataLoader(dataset, 4))
    gc.collect()
    assert dataset.file is None
    assert count_open() == before
    tune(DataLoader(range(40), 4, collate_fn=partial(collate_from, dataset)))
    gc.collect()
    assert dataset.file is None
    assert count_open() == before


@pytest.mark.parametrize("name", ["av.container.InputContainer", "cv2.VideoCapture"])
def test_files_of_libraries_are_known_by_their_class(name) -> None:
    """They aren't files to Python."""
    module, _, kind = name.rpartition(".")
    made = type(kind, (), {"__module__": module})
    assert holds_open_file(SimpleNamespace(video=made()))
    assert not holds_open_file(SimpleNamespace(reader=made))
    assert not holds_open_file(type("CLAHE", (), {"__module__": "cv2"})())
