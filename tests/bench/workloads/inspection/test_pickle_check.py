"""Whether a DataLoader's parts can be sent to workers that aren't forked, as those are really sent."""

from __future__ import annotations

import multiprocessing
import threading

import numpy
import pytest
import torch
from torch.utils.data import DataLoader, Dataset

from bench.workloads.inspection.pickle_check import check_pickling

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
    assert check_pickling(DataLoader(Holding(held), worker_init_fn=start)).error == ""


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
    assert check_pickling(DataLoader(Holding(held))).error.startswith(error)


def test_whatever_a_class_raises_is_told() -> None:
    assert "RuntimeError: stays here" in check_pickling(DataLoader(Refusing(1))).error


def test_functions_are_sent_too() -> None:
    """A worker gets the collate function and the function that starts it; samplers stay."""
    loader = DataLoader(Holding(1), collate_fn=lambda samples: samples)
    assert check_pickling(loader).error.startswith("collate_fn: ")
    loader = DataLoader(Holding(1), worker_init_fn=lambda number: None)
    assert check_pickling(loader).error.startswith("worker_init_fn: ")
    sampler = Holding(lambda: 0)
    assert check_pickling(DataLoader(Holding(1), sampler=sampler, generator=torch.Generator())).error == ""


def test_nothing_is_started_afterwards() -> None:
    """A lock can't be pickled outside the start of a process, and mustn't be after the check."""
    check_pickling(DataLoader(Holding(SPAWN.Lock())))
    check_pickling(DataLoader(Holding(threading.Lock())))
    assert multiprocessing.context.get_spawning_popen() is None


@pytest.mark.parametrize(
    ("held", "least", "most"),
    [(None, 0, 1_000), (b"x" * 100_000, 100_000, 101_000), (numpy.zeros(100_000), 800_000, 801_000)],
)
def test_it_counts_what_a_worker_gets(held, least, most) -> None:
    """Arrays count with their content, which isn't copied for that."""
    found = check_pickling(DataLoader(Holding(held))).num_bytes
    assert found is not None
    assert least <= found <= most


def test_a_tensor_crosses_in_shared_memory() -> None:
    """Nothing of it is pickled; of what can't be pickled nothing is counted."""
    found = check_pickling(DataLoader(Holding(torch.zeros(1_000_000)))).num_bytes
    assert found is not None
    assert found < 1_000
    assert check_pickling(DataLoader(Refusing(1))).num_bytes is None
