"""Whether a DataLoader's parts can be sent to workers that aren't forked, as those are really sent."""

from __future__ import annotations

import multiprocessing
import threading

import pytest
import torch
from torch.utils.data import DataLoader, Dataset

from bench.workloads.inspection.pickle_check import find_pickle_error

SPAWN = multiprocessing.get_context("spawn")


class Holding(Dataset):
    """A dataset that holds something."""

    def __init__(self, held: object) -> None:
        self.held = held

    def __len__(self) -> int:
        return 4

    def __getitem__(self, index: int) -> int:
        return index


class Refusing(Holding):
    def __getstate__(self) -> None:
        raise RuntimeError("stays here")


class Huge(torch.Tensor):
    """A tensor whose content must not be copied."""

    def __reduce_ex__(self, protocol: object) -> None:
        raise AssertionError("the content of a tensor was pickled")


def start(number: int) -> None:
    """Start a worker."""


@pytest.mark.parametrize(
    "held",
    [
        None,
        "text",
        torch.zeros(3),
        {"a": [torch.zeros(3)]},
        torch.zeros(3).as_subclass(Huge),
        SPAWN.Value("i", 3),
        SPAWN.Queue(),
        SPAWN.Lock(),
        SPAWN.Pipe(),
    ],
)
def test_what_a_new_process_can_get(held) -> None:
    """Also what only a process that is being started can get, such as locks and queues."""
    assert find_pickle_error(DataLoader(Holding(held), worker_init_fn=start)) == ""


@pytest.mark.parametrize(
    ("held", "error"),
    [
        (lambda: 0, "dataset: "),
        (threading.Lock(), "dataset: TypeError: cannot pickle '_thread.lock' object"),
        ((number for number in range(3)), "dataset: TypeError: cannot pickle 'generator' object"),
    ],
)
def test_what_no_process_can_get(held, error) -> None:
    """The part is named, with Python's own words."""
    assert find_pickle_error(DataLoader(Holding(held))).startswith(error)


def test_whatever_a_class_raises_is_told() -> None:
    assert "RuntimeError: stays here" in find_pickle_error(DataLoader(Refusing(1)))


def test_functions_are_sent_too() -> None:
    """A worker gets the collate function and the function that starts it; samplers stay."""
    loader = DataLoader(Holding(1), collate_fn=lambda samples: samples)
    assert find_pickle_error(loader).startswith("collate_fn: ")
    loader = DataLoader(Holding(1), worker_init_fn=lambda number: None)
    assert find_pickle_error(loader).startswith("worker_init_fn: ")
    sampler = Holding(lambda: 0)
    assert find_pickle_error(DataLoader(Holding(1), sampler=sampler, generator=torch.Generator())) == ""


def test_nothing_is_started_afterwards() -> None:
    """A lock can't be pickled outside the start of a process, and mustn't be after the check."""
    find_pickle_error(DataLoader(Holding(SPAWN.Lock())))
    find_pickle_error(DataLoader(Holding(threading.Lock())))
    assert multiprocessing.context.get_spawning_popen() is None
