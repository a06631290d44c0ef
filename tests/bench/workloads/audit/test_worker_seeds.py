"""Random numbers that workers or epochs share."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from bench.workloads.audit.worker_seeds import describe_repeats, find_repeats
from bench.workloads.choice import OwnChoice
from bench.workloads.own.own_loader import OwnLoader
from bench.workloads.target.target import Target
from loaders.spec.source_facts import DataLoaderSettings, SourceFacts
from tests.bench.workloads.own.own_datasets import Flipped, Numbers, OwnGenerator, loader_of, reseed


@pytest.mark.parametrize(
    ("loader", "repeats"),
    [
        (loader_of(OwnGenerator(), shuffle=True), "workers and epochs"),
        (loader_of(OwnGenerator(), batch_size=None), "workers and epochs"),
        (loader_of(OwnGenerator(), worker_init_fn=reseed), ""),
        # PyTorch seeds the global generators.
        (loader_of(Flipped()), ""),
    ],
)
def test_a_generator_of_the_datasets_own_repeats(loader, repeats) -> None:
    """Unless each worker gets another one."""
    torch.manual_seed(0)
    assert find_repeats(loader) == repeats


class EachWorker(OwnGenerator):
    """Each worker has numbers of its own, which begin anew in each epoch."""

    def __getitem__(self, index: int) -> tuple[torch.Tensor, int]:
        info = torch.utils.data.get_worker_info()
        picture, label = super().__getitem__(index)
        return picture + (10 * info.id if info else 0), label


def test_epochs_may_repeat_alone() -> None:
    """Each worker's numbers are its own."""
    assert find_repeats(loader_of(EachWorker())) == "epochs"


class Seldom(OwnGenerator):
    """One sample in thirty is changed."""

    def __getitem__(self, index: int) -> tuple[torch.Tensor, int]:
        picture, label = Numbers.__getitem__(self, index)
        return (-picture if self.generator.random() < 1 / 30 else picture), label


def test_chance_is_no_finding() -> None:
    """Draws that are mostly the same tell nothing."""
    assert find_repeats(loader_of(Seldom())) == ""


def test_slow_samples_are_not_drawn_again_and_again() -> None:
    """Nothing is known of them."""
    now_s = iter(range(100))
    assert find_repeats(loader_of(OwnGenerator()), lambda: next(now_s)) == ""


def test_the_sweep_tells_it() -> None:
    """As a notice, before anything is measured."""
    told: list[str] = []
    for repeats in ("", "workers"):
        facts = SourceFacts("dataloader", DataLoaderSettings(4), repeats=repeats)
        workload = OwnLoader(Target("t.py:x", Path(), "t", "x", Path()), facts, "")
        choice = OwnChoice(workload, (((), facts),))
        choice.find(told.append, lambda name, done, size: None)
    assert told == [describe_repeats("workers")]


def test_the_notice_says_the_fact_first() -> None:
    """And then the cure."""
    assert describe_repeats("") == ""
    for repeats in ("workers", "epochs", "workers and epochs"):
        fact, _, cure = describe_repeats(repeats).partition(". ")
        assert fact.startswith("Random transforms repeat: ")
        assert cure.endswith("seed it by torch.initial_seed() in worker_init_fn.")
