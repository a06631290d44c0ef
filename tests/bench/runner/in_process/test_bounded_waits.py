"""Waits that end with the budget: for workers, for the dataset in this process, and for a step."""

from __future__ import annotations

import gc
import math
import multiprocessing
import os
import signal
import threading
import time
from contextlib import suppress
from pathlib import Path

import psutil
import pytest
import torch
from torch.utils.data import DataLoader, Dataset, get_worker_info
from torch.utils.data.dataloader import _MultiProcessingDataLoaderIter

from bench.runner.in_process import interrupt
from bench.runner.in_process import tune_in_process as in_process
from bench.runner.in_process.in_process_lab import Budget
from bench.runner.in_process.interrupt import OutOfTimeError, can_interrupt, interrupt_at
from bench.runner.in_process.loader_copies import CutSampler
from bench.runner.in_process.trial_epoch import EpochLimits, run_epoch

LONG_S = 600.0
BUDGET_S = 0.5
# Far beyond the budget, and far below a hang.
SOON_S = 60.0


class Stuck(Dataset):
    """A dataset that never returns: everywhere, in workers, or from an index on."""

    def __init__(self, *, only_in_workers: bool = False, first: int = 0) -> None:
        self.only_in_workers = only_in_workers
        self.first = first

    def __len__(self) -> int:
        return 400

    def __getitem__(self, index: int) -> torch.Tensor:
        if index >= self.first and (get_worker_info() is not None or not self.only_in_workers):
            # What catches all errors and ignores requests to end.
            with suppress(Exception):
                time.sleep(LONG_S)
        return torch.tensor(index)


def list_workers() -> list[psutil.Process]:
    return [one for one in psutil.Process().children() if "pt_data" in one.name()]


@pytest.mark.parametrize(
    ("dataset", "workers", "persistent"),
    [
        (Stuck(), 0, False),
        (Stuck(), 2, False),
        (Stuck(), 1, True),
        (Stuck(first=4), 1, True),
        (Stuck(first=20), 0, False),
    ],
)
def test_a_hang_ends_with_the_budget(dataset, workers, persistent) -> None:
    """The line says so, and nothing is left."""
    loader = DataLoader(dataset, 4, num_workers=workers, persistent_workers=persistent)
    began_s = time.monotonic()
    order = in_process.TuningOrder(Budget(BUDGET_S, began_s), 2, step=lambda batch: None)
    result = in_process.tune_in_process(loader, order)
    assert time.monotonic() - began_s < SOON_S
    hangs, is_short = (
        "a batch or a step takes longer than 0.5 s, or hangs",
        "0.5 s are too short for its trials",
    )
    # A busy machine may take the budget for the start of a worker and its good batches.
    assert result.reason in ((hangs, is_short) if dataset.first else (hangs,))
    assert not list_workers()
    assert signal.getitimer(signal.ITIMER_REAL) == (0, 0)
    assert signal.getsignal(signal.SIGALRM) == signal.SIG_DFL


def test_a_step_that_hangs_ends_with_the_budget() -> None:
    """Like a dataset."""
    order = in_process.TuningOrder(
        Budget(BUDGET_S, time.monotonic()), 2, step=lambda batch: time.sleep(LONG_S)
    )
    assert "or hangs" in in_process.tune_in_process(DataLoader([1, 2, 3]), order).reason


def test_workers_that_hang_leave_time_for_others() -> None:
    """A setting is given up after a part of the budget."""
    loader = DataLoader(Stuck(only_in_workers=True), 4)
    knobs = {"num_workers": [0, 1], "prefetch_factor": [2], "persistent_workers": [False]}
    order = in_process.TuningOrder(Budget(2.0, time.monotonic()), 2, lambda batch: time.sleep(1e-3), knobs)
    began_s = time.monotonic()
    result = in_process.tune_in_process(loader, order)
    assert time.monotonic() - began_s < SOON_S
    assert result.settings == {}
    assert "all other settings failed: a trial has not ended after 0." in result.reason
    assert not list_workers()


def test_a_workers_own_timeout_holds() -> None:
    """It is the shorter one."""
    loader = DataLoader(Stuck(), 4, num_workers=1, timeout=0.1)
    plan = EpochLimits(4, LONG_S, give_up_s=time.monotonic() + LONG_S, end_s=0.0)
    with pytest.raises(RuntimeError, match=r"timed out after 0\.1"):
        run_epoch(loader, CutSampler(loader.batch_sampler), lambda batch: None, plan)
    assert not list_workers()


def test_a_block_in_time_is_not_interrupted() -> None:
    """What was set before is set again."""
    with interrupt_at(time.monotonic() + LONG_S):
        assert signal.getitimer(signal.ITIMER_REAL)[0] > 0
    assert signal.getitimer(signal.ITIMER_REAL)[0] == 0
    with pytest.raises(OutOfTimeError), interrupt_at(0.0):
        time.sleep(LONG_S)
    assert signal.getsignal(signal.SIGALRM) == signal.SIG_DFL


def test_a_block_that_catches_everything_is_interrupted_again(monkeypatch) -> None:
    """Until its retries are over."""
    monkeypatch.setattr(interrupt, "AGAIN_S", 0.01)
    caught = []

    def retry() -> None:
        for _ in range(3):
            try:
                time.sleep(LONG_S)
            except BaseException as error:
                caught.append(error)
        time.sleep(LONG_S)

    with pytest.raises(OutOfTimeError), interrupt_at(0.0):
        retry()
    assert len(caught) == 3
    assert signal.getitimer(signal.ITIMER_REAL) == (0, 0)
    assert signal.getsignal(signal.SIGALRM) == signal.SIG_DFL


def test_a_fork_is_waited_for(monkeypatch) -> None:
    """What runs after it loses exceptions, and its process would be lost."""
    fork, made = os.fork, []

    def fork_slowly() -> int:
        pid = fork()
        if pid:
            made.append(pid)
            # Where the signal arrives meanwhile, its handler runs before the next line.
            signal.raise_signal(signal.SIGALRM)
            made.append(0)
        return pid

    monkeypatch.setattr(os, "fork", fork_slowly)
    process = multiprocessing.get_context("fork").Process(target=time.sleep, args=(LONG_S,))

    def hang() -> None:
        process.start()
        time.sleep(LONG_S)

    with pytest.raises(OutOfTimeError), interrupt_at(time.monotonic() + LONG_S):
        hang()
    assert made == [process.pid, 0]
    process.kill()
    process.join()


def test_nothing_is_interrupted_where_the_timer_is_in_use() -> None:
    """A user's own alarm stays, and so does a thread."""
    assert can_interrupt()
    own = signal.signal(signal.SIGALRM, lambda number, frame: None)
    try:
        with interrupt_at(0.0):
            assert signal.getitimer(signal.ITIMER_REAL)[0] == 0
    finally:
        signal.signal(signal.SIGALRM, own)
    signal.setitimer(signal.ITIMER_REAL, LONG_S)
    try:
        assert not can_interrupt()
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
    found: list[bool] = []
    thread = threading.Thread(target=lambda: found.append(can_interrupt()))
    thread.start()
    thread.join()
    assert found == [False]


@pytest.mark.parametrize("started", [1, 2])
def test_workers_that_are_being_started_end_with_the_time(monkeypatch, started) -> None:
    """PyTorch would leave them running, and print an error when Python forgets their iterator."""
    before = {one.pid for one in psutil.Process().children()}
    files = sum(1 for _ in Path("/proc/self/fd").iterdir())
    start, numbers = multiprocessing.get_context("fork").Process.start, []

    def start_or_end(worker) -> None:
        start(worker)
        numbers.append(worker.pid)
        if len(numbers) == started:
            raise OutOfTimeError

    monkeypatch.setattr(multiprocessing.process.BaseProcess, "start", start_or_end)
    loader = DataLoader(range(8), 2, num_workers=2, multiprocessing_context="fork")
    cut = CutSampler(loader.batch_sampler)
    with pytest.raises(OutOfTimeError):
        run_epoch(loader, cut, lambda batch: None, EpochLimits(4, math.inf))
    assert len(numbers) == started
    assert {one.pid for one in psutil.Process().children()} == before
    gc.collect()
    assert sum(1 for _ in Path("/proc/self/fd").iterdir()) == files


def test_an_iterator_that_is_being_filled_ends_with_the_time(monkeypatch) -> None:
    """With the threads that feed its workers."""
    before, threads = {one.pid for one in psutil.Process().children()}, set(threading.enumerate())
    reset = _MultiProcessingDataLoaderIter._reset

    def end(iterator, *given, **named) -> None:
        reset(iterator, *given, **named)
        raise OutOfTimeError

    monkeypatch.setattr(_MultiProcessingDataLoaderIter, "_reset", end)
    loader = DataLoader(range(8), 2, num_workers=2)
    with pytest.raises(OutOfTimeError):
        run_epoch(loader, CutSampler(loader.batch_sampler), lambda batch: None, EpochLimits(4, math.inf))
    assert {one.pid for one in psutil.Process().children()} == before
    assert set(threading.enumerate()) <= threads
