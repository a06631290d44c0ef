"""Tests of the loaders of the validation: they keep their plans."""

from __future__ import annotations

import pickle
import threading
import time

import pytest
import torch

from bench.validation.cases import CASES, COSTS
from bench.validation.cheats import CHEATS
from bench.validation.fixed_cost_loaders import FixedCostLoader, StoredOrderLoader
from bench.validation.fixed_cost_steps import FixedCostStep
from bench.validation.picture_case import PictureCase
from bench.validation.waiting import wait_until
from bench.validation.worker_loaders import FixedCostWorkers, UnshardedWorkers

SOURCE = COSTS[0].workload().dataset.read("train")


def delivered(loader) -> list[tuple[bytes, int]]:
    """Return each delivered sample as the bytes of its pixels, and its label."""
    return [
        (bytes((image * 255).round().to(torch.uint8).flatten()), int(label))
        for images, labels in loader
        for image, label in zip(images, labels, strict=True)
    ]


EXPECTED = sorted(delivered([(SOURCE.images.unsqueeze(1) / 255, SOURCE.labels)]))


def test_no_two_cases_share_a_name() -> None:
    """--only would take the first."""
    assert len({case.name for case in CASES}) == len(CASES)


def test_every_case_has_something_to_fail_by() -> None:
    """A case has either readings or the words of a cheat's error."""
    assert all(bool(case.readings) != bool(case.error_words) for case in CASES)


PICTURE_CASES = [case for case in CASES if isinstance(case, PictureCase)]


@pytest.mark.parametrize("case", PICTURE_CASES, ids=lambda case: case.name)
def test_a_trial_can_be_sent(case) -> None:
    assert pickle.loads(pickle.dumps(case.trial())) == case.trial()


def test_the_data_are_the_same_everywhere() -> None:
    """Each process draws them itself."""
    again = COSTS[0].workload().dataset.read("train")
    assert torch.equal(again.images, SOURCE.images)
    assert torch.equal(again.labels, SOURCE.labels)


@pytest.mark.parametrize(
    "spec", [FixedCostLoader(30), FixedCostLoader(30, background=True), FixedCostWorkers(30)]
)
def test_honest_loaders_deliver_each_sample_once(spec) -> None:
    """A second epoch has another order."""
    loader = spec.build(SOURCE, shuffle=True, seed=0)
    first, second = delivered(loader), delivered(loader)
    assert sorted(first) == sorted(second) == EXPECTED
    assert first != second != sorted(first)


def test_the_stored_order_is_not_shuffled() -> None:
    (images, labels), *_ = StoredOrderLoader(30).build(SOURCE, shuffle=True, seed=0)
    assert torch.equal(labels, SOURCE.labels[:30])
    assert torch.equal(images, SOURCE.images[:30, None] / 255)


def test_the_same_order_is_a_shuffle_that_repeats() -> None:
    loader = FixedCostLoader(30, same_order=True).build(SOURCE, shuffle=True, seed=0)
    first, second = delivered(loader), delivered(loader)
    assert first == second != sorted(first)
    assert sorted(first) == EXPECTED


def test_only_the_stored_order_is_declared() -> None:
    assert StoredOrderLoader(30).same_order_each_epoch
    assert not FixedCostLoader(30, same_order=True).same_order_each_epoch


def test_work_between_epochs_starts_after_the_epoch() -> None:
    """A thread uses the planned CPU time once the iterator is gone."""
    before = set(threading.enumerate())
    loader = FixedCostLoader(100, between_epochs_cpu_s=0.1).build(SOURCE, shuffle=True, seed=0)
    (thread,) = set(threading.enumerate()) - before
    assert thread.name == "between epochs"
    assert thread.ident is not None
    clock = time.pthread_getcpuclockid(thread.ident)
    for _ in loader:
        used_s = time.clock_gettime(clock)
    deadline = time.monotonic() + 300
    while time.clock_gettime(clock) - used_s < 0.1:
        assert time.monotonic() < deadline, "no thread computes"
        time.sleep(0.01)
    del loader
    thread.join(60)
    assert not thread.is_alive()


def test_work_in_build_takes_the_planned_time() -> None:
    began = time.perf_counter_ns()
    FixedCostLoader(100, build_s=0.05).build(SOURCE, shuffle=True, seed=0)
    assert time.perf_counter_ns() - began >= 50_000_000


@pytest.mark.parametrize("cheat", [name for name in CHEATS if name != "none"])
def test_a_cheat_cheats(cheat) -> None:
    """The cheat begins after the honest epochs."""
    loader = FixedCostLoader(100, cheat=cheat, honest_epochs=1).build(SOURCE, shuffle=True, seed=0)
    assert sorted(delivered(loader)) == EXPECTED
    batches = list(loader)
    of_form = {(images.dtype, tuple(images.shape[1:])) for images, _ in batches} == {
        (torch.float32, (1, 28, 28))
    }
    assert not of_form or sorted(delivered(batches)) != EXPECTED


def test_a_repeat_in_place_of_another_keeps_the_count() -> None:
    """Only the samples themselves tell one of a hundred."""
    loader = FixedCostLoader(100, cheat="repeats").build(SOURCE, shuffle=True, seed=0)
    samples = delivered(loader)
    assert len(samples) == len(SOURCE)
    assert len(set(samples)) == len(SOURCE) - len(SOURCE) // 100


def test_unsharded_workers_deliver_all_of_it_each() -> None:
    """Two workers deliver each sample twice."""
    samples = delivered(UnshardedWorkers(30).build(SOURCE, shuffle=True, seed=0))
    assert sorted(samples) == sorted(EXPECTED * 2)


def test_an_overwritten_batch_is_right_only_at_first() -> None:
    """Its pictures move on by one, but not its labels, a moment after its delivery."""
    images, _ = next(iter(FixedCostLoader(30, overwritten=True).build(SOURCE, shuffle=True, seed=0)))
    # On a busy machine, the batch may be overwritten before it could be copied.
    honest, _ = next(iter(FixedCostLoader(30).build(SOURCE, shuffle=True, seed=0)))
    right = honest[[0]]
    deadline = time.monotonic() + 20
    while not torch.equal(images[[1]], right) and time.monotonic() < deadline:
        time.sleep(0.001)
    assert torch.equal(images[[1]], right)


@pytest.mark.parametrize(
    ("spec", "least_s"),
    [
        (FixedCostLoader(100, startup_s=0.005), 0.005),
        (FixedCostLoader(100, batch_s=0.002), 0.006),
        (FixedCostLoader(100, batch_s=0.002, busy=True), 0.006),
        (FixedCostLoader(100, sample_s=2e-5), 0.006),
        (FixedCostLoader(5, slow_s=0.01), 0.01),
        (FixedCostLoader(100, end_s=0.005, drop_s=0.005), 0.01),
    ],
)
def test_no_cost_is_less_than_planned(spec, least_s) -> None:
    """The costs are those of an epoch of 300 samples."""
    loader = spec.build(SOURCE, shuffle=True, seed=0)
    began = time.perf_counter_ns()
    for _ in loader:
        pass
    assert time.perf_counter_ns() - began >= least_s * 1e9


def test_a_step_is_not_shorter_than_planned() -> None:
    began = time.perf_counter_ns()
    FixedCostStep(0.005)((SOURCE.images, SOURCE.labels))
    assert time.perf_counter_ns() - began >= 5_000_000


def test_a_wait_is_counted_from_its_start() -> None:
    """A wait that is over sleeps no more."""
    asleep = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(time, "sleep", asleep.append)
        wait_until(time.perf_counter_ns() - 10**9, 0.5)
    assert asleep == []
