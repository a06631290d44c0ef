"""The loaders that validate measures: they do what is said of them."""

from __future__ import annotations

import pickle
import time

import pytest
import torch

from bench.validation.cases import CASES, COSTS
from bench.validation.cheats import CHEATS
from bench.validation.fixed_cost_loaders import FixedCostLoader
from bench.validation.fixed_cost_steps import FixedCostStep
from bench.validation.waiting import wait_until
from bench.validation.worker_loaders import FixedCostWorkers, UnshardedWorkers

SOURCE = COSTS[0].trial().dataset.read("train")


def delivered(loader) -> list[tuple[bytes, int]]:
    """Each delivered sample as the bytes of its pixels, and its label."""
    return [
        (bytes((image * 255).round().to(torch.uint8).flatten()), int(label))
        for images, labels in loader
        for image, label in zip(images, labels, strict=True)
    ]


EXPECTED = sorted(delivered([(SOURCE.images.unsqueeze(1) / 255, SOURCE.labels)]))


def test_no_two_truths_share_a_name() -> None:
    """Or --only would take the first."""
    assert len({truth.name for truth in CASES}) == len(CASES)


def test_every_truth_has_something_to_fail_by() -> None:
    """Either readings or the words of a cheat's error."""
    assert all(bool(truth.readings) != bool(truth.names) for truth in CASES)


@pytest.mark.parametrize("truth", CASES, ids=lambda truth: truth.name)
def test_a_trial_can_be_sent(truth) -> None:
    """To its process."""
    assert pickle.loads(pickle.dumps(truth.trial())) == truth.trial()


def test_the_data_are_the_same_everywhere() -> None:
    """Each process draws its own."""
    again = COSTS[0].trial().dataset.read("train")
    assert torch.equal(again.images, SOURCE.images)
    assert torch.equal(again.labels, SOURCE.labels)


@pytest.mark.parametrize(
    "spec", [FixedCostLoader(30), FixedCostLoader(30, background=True), FixedCostWorkers(30)]
)
def test_honest_loaders_deliver_each_sample_once(spec) -> None:
    """In each of two epochs, in another order each."""
    loader = spec.build(SOURCE, shuffle=True, seed=0)
    first, second = delivered(loader), delivered(loader)
    assert sorted(first) == sorted(second) == EXPECTED
    assert first != second != sorted(first)


def test_stored_is_the_stored_order() -> None:
    """Whatever is asked for."""
    (images, labels), *_ = FixedCostLoader(30, stored=True).build(SOURCE, shuffle=True, seed=0)
    assert torch.equal(labels, SOURCE.labels[:30])
    assert torch.equal(images, SOURCE.images[:30, None] / 255)


@pytest.mark.parametrize("cheat", [name for name in CHEATS if name != "none"])
def test_a_cheat_cheats(cheat) -> None:
    """From the epoch on that it shall, and not before."""
    loader = FixedCostLoader(100, cheat=cheat, honest_epochs=1).build(SOURCE, shuffle=True, seed=0)
    assert sorted(delivered(loader)) == EXPECTED
    batches = list(loader)
    of_form = {(images.dtype, tuple(images.shape[1:])) for images, _ in batches} == {
        (torch.float32, (1, 28, 28))
    }
    assert not of_form or sorted(delivered(batches)) != EXPECTED


def test_a_repeat_in_place_of_another_keeps_the_count() -> None:
    """One of a hundred: nothing but the samples themselves tells it."""
    loader = FixedCostLoader(100, cheat="repeats").build(SOURCE, shuffle=True, seed=0)
    samples = delivered(loader)
    assert len(samples) == len(SOURCE)
    assert len(set(samples)) == len(SOURCE) - len(SOURCE) // 100


def test_unsharded_workers_deliver_all_of_it_each() -> None:
    """Twice the samples."""
    samples = delivered(UnshardedWorkers(30).build(SOURCE, shuffle=True, seed=0))
    assert sorted(samples) == sorted(EXPECTED * 2)


def test_an_overwritten_batch_is_right_only_at_first() -> None:
    """Its pictures move on by one beside their labels, a moment after it was handed over."""
    images, _ = next(iter(FixedCostLoader(30, overwritten=True).build(SOURCE, shuffle=True, seed=0)))
    right = images[[0]].clone()
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
    """An epoch of 300 samples."""
    loader = spec.build(SOURCE, shuffle=True, seed=0)
    began = time.perf_counter_ns()
    for _ in loader:
        pass
    assert time.perf_counter_ns() - began >= least_s * 1e9


def test_a_step_is_not_shorter_than_planned() -> None:
    """Whatever the batch."""
    began = time.perf_counter_ns()
    FixedCostStep(0.005)(SOURCE.images, SOURCE.labels)
    assert time.perf_counter_ns() - began >= 5_000_000


def test_a_wait_is_counted_from_its_start() -> None:
    """Nothing is waited for where the time is already over."""
    asleep = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(time, "sleep", asleep.append)
        wait_until(time.perf_counter_ns() - 10**9, 0.5)
    assert asleep == []
