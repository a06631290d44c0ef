"""The ceiling of a user's own training: the step alone, on batches captured from their loader."""

from __future__ import annotations

import pickle
import sys
from dataclasses import replace
from itertools import islice
from pathlib import Path

import pytest

from bench.plan.ceiling_loaders import OwnStepCeiling
from bench.plan.configuration import Configuration
from bench.trial.trial import Trial
from bench.workloads.inspection.target_inspection import find_facts
from bench.workloads.own.own_loader import OwnLoader
from bench.workloads.target.target import Target
from loaders.spec.source_facts import SourceFacts

PROJECT = Path(__file__).parent / "own_project.py"
STEP = f"{PROJECT}:make_step"


@pytest.fixture
def project(monkeypatch):
    """The user's module, in a process whose search path is as before afterwards."""
    monkeypatch.setattr(sys, "path", sys.path[:])
    monkeypatch.delitem(sys.modules, "own_project", raising=False)
    Target.parse(STEP).load()
    yield sys.modules["own_project"]
    del sys.modules["own_project"]


def run(target: str, facts: SourceFacts, ceiling: OwnStepCeiling, batches: int | None = None):
    """Return two epochs of a ceiling's trial in this process."""
    workload = OwnLoader(Target.parse(f"{PROJECT}:{target}"), facts, "0" * 64, batches)
    configuration = Configuration(ceiling, "cpu", STEP, None, 1)
    trial = Trial(configuration, 0, 0, 0, 0, workload, 2, seed=0, audited=False)
    return [report.timings for report in islice(trial.run(), 2)]


def test_the_step_gets_captured_batches_of_the_loader(project, capfd) -> None:
    """As many as an epoch has, in its batch sizes; no sample is read while the clock runs."""
    facts = find_facts(project.loader, None, name="mine")
    epochs = run("loader", facts, OwnStepCeiling((("batch_size", 4),), 10**6))
    assert [(epoch.batches, epoch.samples) for epoch in epochs] == [(6, 22), (6, 22)]
    assert all("label" in batch for batch in project.seen)
    first, second = project.seen[:6], project.seen[6:]
    # The first delivery of all is a copy, which tells whether the step writes to its batch.
    assert [a["x"].data_ptr() for a in first[1:]] == [b["x"].data_ptr() for b in second[1:]]
    numbers = sorted(number for batch in first for number in batch["x"][:, 0].tolist())
    assert numbers == list(range(22))
    assert "captured 6 of 6 batches, 440 bytes in memory\n" in capfd.readouterr().out


def test_few_batches_go_round(project) -> None:
    """Where memory holds two, they are delivered in turn."""
    facts = find_facts(project.loader, None, name="mine")
    (epoch, _) = run("loader", facts, OwnStepCeiling((("batch_size", 4),), 160))
    assert (epoch.batches, epoch.samples) == (6, 24)
    assert len({batch["x"].data_ptr() for batch in project.seen[1:]}) == 2


def test_another_batch_size(project) -> None:
    """The loader delivers it, and the epoch is shorter."""
    facts = find_facts(project.loader, None, name="mine")
    (epoch, _) = run("loader", facts, OwnStepCeiling((("batch_size", 10),), 10**6))
    assert (epoch.batches, epoch.samples) == (3, 22)


@pytest.mark.parametrize("size", [5, 8])
def test_any_iterable_with_its_parameters(project, size) -> None:
    """Its reused batch is copied, and its epoch is as long as it was when it was run through."""
    facts = find_facts(project.make_batches(), None, name="mine")
    (epoch, _) = run("make_batches", facts, OwnStepCeiling((("param.size", size),), 10**6, 7))
    assert (epoch.batches, epoch.samples) == (7, 7 * size)
    assert [batch.tolist() for batch in project.seen[:7]] == [[float(n)] * size for n in range(7)]


def test_an_endless_loader_ends_after_its_batches(project) -> None:
    """As many as `--batches` says."""
    facts = find_facts(project.endless, 3, name="mine")
    (epoch, _) = run("endless", facts, OwnStepCeiling((("batch_size", 4),), 10**6), batches=3)
    assert (epoch.batches, epoch.samples) == (3, 12)
    # Where epochs became shorter after its inspection, its own number is that of whole epochs.
    (epoch, _) = run("endless", facts, OwnStepCeiling((("batch_size", 4),), 10**6, 3), batches=2)
    assert (epoch.batches, epoch.samples) == (2, 8)


def test_a_limited_epoch_has_a_limited_ceiling(project) -> None:
    """Also where the loader knows a greater length."""
    facts = find_facts(project.loader, 2, name="mine")
    (epoch, _) = run("loader", facts, OwnStepCeiling((("batch_size", 4),), 10**6), batches=2)
    assert (epoch.batches, epoch.samples) == (2, 8)


def test_a_ceiling_is_sent_to_its_process(project) -> None:
    """Its row has the knobs of the loaders below it."""
    facts = replace(find_facts(project.loader, None, name="mine"), pickle_error="")
    ceiling = OwnStepCeiling((("batch_size", 4), ("param.size", 5)), 160)
    workload = OwnLoader(Target.parse(f"{PROJECT}:loader"), facts, "0" * 64)
    trial = Trial(Configuration(ceiling, "cpu", "5ms", None, 1), 0, 0, 0, 0, workload, 2, seed=0)
    sent = pickle.loads(pickle.dumps(trial))
    assert sent == trial
    assert sent.make_row(0).knobs == {"batch_size": "4", "param.size": "5"}
    assert sent.make_row(0).family == "step_ceiling"
