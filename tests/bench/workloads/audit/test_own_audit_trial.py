"""Trials of users' loaders, from their inspection to the rows, with the audit that held."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from bench.plan.configuration import Configuration
from bench.records.row import Row
from bench.runner.repetition import Repetition
from bench.runner.trial_limits import TrialLimits
from bench.runner.trial_process import TrialRunner
from bench.trial.trial import Trial
from bench.workloads.inspection.target_inspection import Inquiry, inspect_target
from bench.workloads.own.own_loader import OwnLoader
from bench.workloads.target.target import Target, TargetError
from loaders.families.dataloader import OwnDataLoader

TRAIN = """
import numpy as np
import torch
from torch.utils.data import DataLoader, Dataset, IterableDataset, get_worker_info


class Numbers(Dataset):
    def __len__(self):
        return 48

    def __getitem__(self, index):
        return torch.full((3,), float(index)), index


class Cropped(Numbers):
    def __getitem__(self, index):
        return torch.rand(3), index


class OwnGenerator(Numbers):
    generator = np.random.default_rng(0)

    def __getitem__(self, index):
        return index + float(self.generator.random())


class Broken(Numbers):
    def __init__(self, index):
        self.index = index

    def __getitem__(self, index):
        if index == self.index:
            raise ValueError(f"{index}.jpg is no picture")
        return super().__getitem__(index)


class Ragged(Numbers):
    def __init__(self, index):
        self.index = index

    def __getitem__(self, index):
        return torch.zeros(3 if index < self.index else 4)


class Stream(IterableDataset):
    def __init__(self, is_split):
        self.is_split = is_split

    def __iter__(self):
        info = get_worker_info()
        first, step = (info.id, info.num_workers) if info and self.is_split else (0, 1)
        yield from (torch.full((2,), float(number)) for number in range(first, 48, step))


def load(dataset):
    return DataLoader(dataset, batch_size=4)


class Batches:
    def __iter__(self):
        return iter([torch.zeros(4, 2)] * 3)


same, cropped, repeating = load(Numbers()), load(Cropped()), load(OwnGenerator())
broken, broken_early = load(Broken(13)), load(Broken(2))
ragged, ragged_early = load(Ragged(10)), load(Ragged(2))
split, unsplit, batches = load(Stream(True)), load(Stream(False)), Batches()
"""


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("project")
    (folder / "train.py").write_text(TRAIN)
    return folder


def inspect(project: Path, context: Any, name: str, batches: int | None = None) -> OwnLoader:
    target = Target.parse(f"{project / 'train.py'}:{name}")
    found = inspect_target(Inquiry(target, {}, batches), context)
    return OwnLoader(target, found.facts, found.digest, batches)


def measure(workload: OwnLoader, context: Any, epochs: int = 2, **knobs: Any) -> list[Row]:
    """Return the rows of a trial with two workers."""
    spec = OwnDataLoader(facts=workload.facts, **{"num_workers": 2, **knobs})
    trial = Trial(Configuration(spec, "cpu", "none", None, 1), 0, 0, 0, 0, workload, epochs, seed=0)
    runner = TrialRunner(context, TrialLimits(60, None), workload.target.folder / "trials.log")
    return list(runner.run(trial))


@pytest.mark.parametrize(
    ("name", "batches", "audit"),
    [
        ("same", None, "content"),
        ("same", 5, "content"),
        ("cropped", None, "index"),
        ("split", None, "count"),
        ("split", 5, "count"),
    ],
)
def test_the_row_says_which_audit_held(project, context, name, batches, audit) -> None:
    """Each of the batches was checked so."""
    rows = measure(inspect(project, context, name, batches), context)
    samples = 4 * (batches or 12)
    assert [(row.audit, row.audited_share, row.samples, row.error) for row in rows] == [
        (audit, 1.0, samples, None)
    ] * 2


@pytest.mark.parametrize(
    ("name", "batches", "error"),
    [
        ("broken", None, "dataset[13] raises ValueError: 13.jpg is no picture (train.py:"),
        (
            "ragged",
            None,
            "the samples of a batch differ in shape ([3] and [4]), which PyTorch's default collate",
        ),
        (
            "unsplit",
            None,
            "audit: 96 samples come from 2 workers, 48 without workers: the dataset isn't split",
        ),
        ("unsplit", 6, "audit: 50% of the samples come from several workers: the dataset isn't split"),
    ],
)
def test_a_trial_that_fails_says_why(project, context, name, batches, error) -> None:
    """In one row."""
    rows = measure(inspect(project, context, name, batches), context)
    assert [row.status for row in rows] == ["failed"]
    assert rows[0].error is not None
    assert rows[0].error.startswith(error)


def test_only_the_first_epochs_are_compared(project, context, monkeypatch) -> None:
    """Each comparison loads an epoch anew, which can take far longer than an epoch of data in memory."""
    loads: list[int] = []
    take = Repetition._take
    monkeypatch.setattr(Repetition, "_take", lambda *args: loads.append(1) or take(*args))
    rows = measure(inspect(project, context, "same"), context, epochs=6, num_workers=0)
    assert [row.audit for row in rows] == ["content"] * 3 + ["index"] * 3
    assert [row.audited_share for row in rows] == [1.0] * 6
    assert len(loads) == 3


def test_an_iterable_of_batches_is_counted(project, context) -> None:
    """Nothing else is known of it."""
    facts = inspect(project, context, "batches").facts
    assert (facts.alone, facts.same_samples) == (None, None)


@pytest.mark.parametrize(
    ("name", "error"),
    [
        ("broken_early", "dataset[2] raises ValueError: 2.jpg is no picture (train.py:"),
        ("ragged_early", "the samples of a batch differ in shape ([3] and [4]), which PyTorch's"),
    ],
)
def test_a_first_batch_that_fails_is_refused(project, context, name, error) -> None:
    """Nothing can be measured."""
    with pytest.raises(TargetError) as refused:
        inspect(project, context, name)
    assert str(refused.value).startswith(f"{project / 'train.py'}:{name}: {error}")


def test_shared_random_numbers_are_found(project, context) -> None:
    """The dataset holds a generator."""
    assert inspect(project, context, "repeating").facts.repeats == "workers and epochs"
    assert inspect(project, context, "cropped").facts.repeats == ""
