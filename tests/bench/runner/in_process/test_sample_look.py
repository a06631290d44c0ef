"""The first sample: its form, and what reading it leaves open."""

from __future__ import annotations

import functools
import multiprocessing
import os
import threading
import time
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from torch.utils.data import DataLoader, Dataset, IterableDataset

from bench.runner.in_process import start_method
from bench.runner.in_process import tune_in_process as in_process
from bench.runner.in_process.in_process_lab import Budget
from bench.runner.in_process.interrupt import OutOfTimeError
from bench.runner.in_process.sample_look import SampleLook, look_at_sample
from loaders.spec.turn_knobs import read_settings

FOREVER_S = 600.0
# What no attribute of a dataset holds.
KEPT: list[object] = []


@functools.lru_cache
def open_once(path: Path):
    """Return a file that the whole process shares."""
    return path.open("rb")


class Shared(Dataset):
    """A dataset whose file no attribute holds."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.calls = 0

    def __len__(self) -> int:
        return 40

    def __getitem__(self, index: int) -> torch.Tensor:
        self.calls += 1
        file = open_once(self.path)
        file.seek(index)
        return torch.tensor(file.read(1)[0])


class Doing(Shared):
    """A dataset that does something at each sample."""

    def __init__(self, action) -> None:
        self.action = action
        self.calls = 0

    def __getitem__(self, index: int) -> dict[str, object]:
        self.calls += 1
        self.action()
        return {"picture": torch.zeros(2, 3), "label": 1, "boxes": [torch.zeros(4)]}


@pytest.fixture
def path(tmp_path):
    file = tmp_path / "samples"
    file.write_bytes(bytes(range(40)))
    yield file
    if open_once.cache_info().currsize:
        open_once(file).close()
        open_once.cache_clear()


def look(dataset, workers: int = 0, seconds: float = FOREVER_S) -> SampleLook:
    loader = DataLoader(dataset, num_workers=workers)
    return look_at_sample(loader, time.monotonic() + seconds)


@pytest.mark.parametrize("workers", [0, 1])
def test_a_sample_has_a_form(workers) -> None:
    """A forked process reads it where the training's workers are forked."""
    dataset = Doing(lambda: None)
    form = "{'picture': 'torch.float32[2, 3]', 'label': 'int', 'boxes': \"['torch.float32[4]']\"}"
    assert look(dataset, workers) == SampleLook(form)
    assert dataset.calls == 1 - workers


def test_a_file_that_the_process_shares_is_noticed(path) -> None:
    """Where workers read, this process opens nothing."""
    assert look(Shared(path), workers=1) == SampleLook("torch.int64[]", leaves_open=True)
    assert not open_once.cache_info().currsize
    assert look(Shared(path)).leaves_open
    assert not look(Shared(path)).leaves_open


def test_a_thread_that_stays_is_noticed() -> None:
    """Forked workers lack it."""
    ended = threading.Event()
    assert look(Doing(lambda: threading.Thread(target=ended.wait, daemon=True).start())).leaves_open
    ended.set()


def test_a_log_and_shared_memory_may_stay_open(tmp_path) -> None:
    log = tmp_path / "log"
    assert not look(Doing(lambda: KEPT.append(log.open("a")))).leaves_open
    KEPT.pop().close()
    assert not look(Doing(lambda: KEPT.append(torch.zeros(3).share_memory_()))).leaves_open
    KEPT.clear()


@pytest.mark.parametrize("workers", [0, 1])
def test_a_sample_that_hangs_is_given_up(workers) -> None:
    before = set(multiprocessing.active_children())
    with pytest.raises(OutOfTimeError):
        look(Doing(lambda: time.sleep(FOREVER_S)), workers, seconds=0.1)
    assert set(multiprocessing.active_children()) <= before


def test_a_sample_that_can_not_be_read_has_no_form() -> None:
    assert look(Doing(lambda: 1 / 0)) == SampleLook()
    assert look(Doing(lambda: os._exit(3)), workers=1) == SampleLook(leaves_open=True)


class Stream(IterableDataset):
    """A stream of what it holds."""

    def __init__(self, source) -> None:
        self.source = source

    def __iter__(self):
        return iter(self.source)


def test_no_sample_of_a_stream_is_taken() -> None:
    stream = Stream(iter(range(9)))
    assert look(stream) == SampleLook()
    assert next(stream.source) == 0


def tune(loader, knobs=None, *, leaves_open: bool = False):
    order = in_process.TuningOrder(
        Budget(0.3, time.monotonic()), 1, lambda batch: None, knobs, leaves_open=leaves_open
    )
    return in_process.tune_in_process(loader, order)


@pytest.mark.parametrize("workers", [0, 1])
def test_trials_take_no_samples_of_a_stream(workers, path) -> None:
    """An iterator gives each of them once, and all processes have one position in a file."""
    knobs = {"num_workers": [1, 2]}
    stream = Stream(iter(range(40)))
    assert tune(DataLoader(stream, num_workers=workers), knobs).reason == in_process.LOSES_SAMPLES
    assert next(stream.source) == 0
    with path.open("rb") as file:
        loader = DataLoader(Stream(file), num_workers=1)
        assert tune(loader).reason == in_process.LOSES_SAMPLES
        assert file.tell() == 0
        # The user knows that the file is wound back.
        assert tune(loader, knobs).reason != in_process.LOSES_SAMPLES
    assert tune(DataLoader(Stream(range(40)), num_workers=1)).reason != in_process.LOSES_SAMPLES


def list_workers_tried(loader, order) -> tuple[set[int], str]:
    settings = in_process.list_settings(loader, order.cores, order.knobs, has_step=True)
    kept, reason = in_process._leave_out(settings, loader, order)
    assert kept[0] == read_settings(loader)
    return {one.num_workers for one in kept}, reason


@pytest.mark.parametrize(
    ("workers", "leaves_open", "knobs", "tried"),
    [
        (0, False, None, {0, 1, 2}),
        (0, True, None, {0}),
        (1, True, None, {1, 2}),
        (0, True, {"num_workers": [0, 2]}, {0, 2}),
        (1, True, {"num_workers": [0, 2]}, {0, 1, 2}),
    ],
)
def test_processes_do_not_share_what_stays_open(workers, leaves_open, knobs, tried) -> None:
    """Unless the user says that they can."""
    order = in_process.TuningOrder(Budget(1, 0), 1, None, knobs, leaves_open=leaves_open)
    loader = DataLoader([1, 2], num_workers=workers)
    found, reason = list_workers_tried(loader, order)
    assert found == tried
    assert reason == (in_process.LEAVES_OPEN if leaves_open and knobs is None else "")


@pytest.mark.parametrize(
    ("text", "runs"),
    [
        ("train()\n", True),
        ("import logging\nlog = logging.getLogger(__name__)\ntrain()\n", True),
        ("def main(): ...\nif __name__ == '__main__':\n    main()\n", False),
        ("main() if '__main__' == __name__ else None\n", False),
        ("if __name__ == ", False),
    ],
)
def test_a_script_without_a_guard_is_known(text, runs, tmp_path, monkeypatch) -> None:
    script = tmp_path / "train.py"
    script.write_text(text)
    monkeypatch.setitem(start_method.sys.modules, "__main__", SimpleNamespace(__file__=str(script)))
    assert start_method.runs_whole_script() is runs


def test_workers_that_would_train_are_not_started(monkeypatch) -> None:
    """Forked ones don't run the script."""
    monkeypatch.setattr(in_process, "runs_whole_script", lambda: True)
    knobs = {"num_workers": [0, 1], "multiprocessing_context": ["spawn"]}
    order = in_process.TuningOrder(Budget(1, 0), 1, None, knobs)
    assert list_workers_tried(DataLoader([1, 2]), order) == ({0}, in_process.NEEDS_GUARD)
    # PyTorch itself tells the user where the training has such workers.
    loader = DataLoader([1, 2], num_workers=1, multiprocessing_context="spawn")
    assert list_workers_tried(loader, order) == ({0, 1}, "")
    monkeypatch.setattr(in_process, "find_start_method", lambda settings: "fork")
    assert list_workers_tried(DataLoader([1, 2]), order) == ({0, 1}, "")
