"""The settings that are tried."""

from __future__ import annotations

import pytest
import torch
from torch.utils.data import DataLoader, IterableDataset, TensorDataset

from bench.runner.in_process.settings_grid import (
    find_changes,
    find_cost,
    keep_few,
    leave_out_persistent,
    list_settings,
    name_changes,
    thin_out,
)

DATASET = TensorDataset(torch.arange(32))


class Stream(IterableDataset):
    def __iter__(self):
        return iter(range(9))


def numbers(settings) -> list[tuple[int, int | None, bool]]:
    return [(one.num_workers, one.prefetch_factor, one.persistent_workers) for one in settings]


@pytest.mark.parametrize(
    ("cores", "present", "workers"),
    [
        (1, 0, {0, 1, 2}),
        (2, 0, {0, 1, 2, 3, 4}),
        (8, 5, {0, 1, 2, 4, 5, 8, 12, 16}),
        (2, 9, {0, 1, 2, 3, 4, 9}),
    ],
)
def test_workers_go_from_none_to_twice_the_cores(cores, present, workers) -> None:
    """The present number comes first."""
    found = list_settings(DataLoader(DATASET, num_workers=present), cores, None, has_step=True)
    assert {one.num_workers for one in found} == workers
    assert found[0].num_workers == present
    assert len(set(found)) == len(found)


def test_without_workers_nothing_of_theirs_is_varied() -> None:
    """A deeper queue is tried with persistent workers."""
    found = numbers(list_settings(DataLoader(DATASET), 1, {"num_workers": [0, 2]}, has_step=False))
    assert found == [(0, None, False), (2, 2, False), (2, 2, True), (2, 4, True)]


def test_an_iterable_dataset_keeps_its_number_of_workers() -> None:
    """It may shard by it, so only the user's own values change it."""
    loader = DataLoader(Stream(), num_workers=2)
    assert {one.num_workers for one in list_settings(loader, 8, None, has_step=False)} == {2}
    assert len(list_settings(DataLoader(Stream()), 8, None, has_step=False)) == 1
    found = list_settings(loader, 8, {"num_workers": [4]}, has_step=False)
    assert {one.num_workers for one in found} == {2, 4}


@pytest.mark.parametrize(
    ("knobs", "problem"),
    [
        ({"num_worker": [1]}, "'num_worker' is no setting, expected batch_size, .*did you mean num_workers"),
        ({"num_workers": 2}, "num_workers is 2, expected a list of values"),
        ({"num_workers": []}, r"num_workers is \[\], expected a list"),
        ({"num_workers": [-1]}, "num_workers can't be -1"),
        ({"num_workers": [True]}, "num_workers can't be True"),
        ({"prefetch_factor": [0]}, "prefetch_factor can't be 0"),
        ({"persistent_workers": [1]}, "persistent_workers can't be 1"),
        ({"multiprocessing_context": "spawn"}, "expected a list of values"),
        ({"multiprocessing_context": ["thread"]}, "multiprocessing_context can't be 'thread'"),
    ],
)
def test_bad_knobs_are_one_line(knobs, problem) -> None:
    """Nothing is measured."""
    with pytest.raises(ValueError, match=problem):
        list_settings(DataLoader(DATASET), 2, knobs, has_step=False)


def test_a_batch_size_is_varied_only_where_it_can_be() -> None:
    """A sampler of the user's own makes other batches."""
    knobs = {"batch_size": [4, 8]}
    sizes = {one.batch_size for one in list_settings(DataLoader(DATASET, 2), 1, knobs, has_step=False)}
    assert sizes == {2, 4, 8}
    own = DataLoader(DATASET, batch_sampler=[[0, 1], [2, 3]])
    with pytest.raises(ValueError, match="batch_size can't be varied"):
        list_settings(own, 1, knobs, has_step=False)


def test_fewer_workers_are_cheaper() -> None:
    """Then fewer batches that wait."""
    found = list_settings(DataLoader(DATASET), 1, None, has_step=False)
    assert numbers(sorted(found, key=find_cost))[:4] == [
        (0, None, False),
        (1, 2, False),
        (1, 2, True),
        (1, 4, True),
    ]
    assert find_changes(found[1], found[0]) == {"num_workers": 1, "prefetch_factor": 2}


@pytest.mark.parametrize(
    ("most", "kept"),
    [
        (1, [(0, None, False), (2, 2, True)]),
        (2, [(0, None, False), (2, 2, True)]),
        (3, [(0, None, False), (2, 2, False), (2, 2, True)]),
        (4, [(0, None, False), (2, 2, False), (2, 2, True), (2, 4, True)]),
    ],
)
def test_slow_trials_leave_time_for_fewer_settings(most, kept) -> None:
    """Each number of workers stays."""
    found = list_settings(DataLoader(DATASET), 1, {"num_workers": [0, 2]}, has_step=False)
    assert numbers(thin_out(found, most)) == kept


@pytest.mark.parametrize("values", [{"prefetch_factor": [4]}, {"persistent_workers": [False]}])
def test_each_number_of_workers_stays_with_the_users_own_values(values) -> None:
    """They may leave out the settings that are kept otherwise."""
    found = list_settings(DataLoader(DATASET), 1, {"num_workers": [0, 1, 2], **values}, has_step=False)
    assert {one.num_workers for one in thin_out(found, 1)} == {0, 1, 2}


@pytest.mark.parametrize(
    ("given", "most", "kept"),
    [
        (0, 1, {0, 2}),
        (0, 2, {0, 2, 4}),
        (0, 3, {0, 1, 2, 4}),
        (0, 9, {0, 1, 2, 3, 4}),
        (2, 1, {2, 4}),
        (2, 2, {0, 2, 4}),
    ],
)
def test_as_many_workers_as_cores_come_first(given, most, kept) -> None:
    """Where a few settings can be tried at all."""
    loader = DataLoader(DATASET, num_workers=given, persistent_workers=given > 0)
    found = list_settings(loader, 2, {"prefetch_factor": [2], "persistent_workers": [True]}, has_step=False)
    few = keep_few(found, most, 2)
    assert few[0] == found[0]
    assert {one.num_workers for one in few} == kept


def test_settings_are_named_as_they_are_written() -> None:
    """Without those that PyTorch leaves at None."""
    assert name_changes({"num_workers": 0, "prefetch_factor": None}) == "num_workers=0"


@pytest.mark.parametrize(
    ("method", "kept"), [("fork", [(0, None, False), (2, 2, False), (2, 4, True)]), ("spawn", None)]
)
def test_slow_batches_need_no_workers_that_stay(method, kept) -> None:
    """Where forking them again is cheap, and others with the same queue are there."""
    loader = DataLoader(DATASET)
    knobs = {"num_workers": [0, 2], "multiprocessing_context": [method]}
    found = list_settings(loader, 1, knobs, has_step=False)
    assert numbers(leave_out_persistent(found)) == (numbers(found) if kept is None else kept)
