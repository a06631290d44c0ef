"""A trial of in_memory in this process, its audit, and its place in a plan."""

from __future__ import annotations

import sys
from dataclasses import replace
from itertools import islice
from pathlib import Path

import pytest

from bench.plan.configuration import Configuration
from bench.plan.grid import Machine, make_plan
from bench.plan.plan import PlanError
from bench.plan.request import Request
from bench.trial.trial import Trial
from bench.workloads.choice import OwnChoice
from bench.workloads.inspection.source_inspection import find_facts
from bench.workloads.own.own_code import make_own_code
from bench.workloads.own.own_loader import OwnLoader
from bench.workloads.own.sample_store import SampleStore
from bench.workloads.target.target import Target
from loaders.device import nested_prefetcher
from loaders.families.dataloader import OwnDataLoader
from loaders.families.in_memory import InMemory
from tests.bench.workloads.own import kept_samples
from tests.bench.workloads.own.kept_samples import SAMPLES, make_loader
from tests.loaders.late_device import PromptDevice

FACTS = find_facts(make_loader(), None, name="mine")
HERE = Machine(cuda=False, num_threads=2)


@pytest.fixture
def target(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Target:
    """The module in a folder of the user's, in a process whose search path is as before afterwards."""
    monkeypatch.setattr(sys, "path", sys.path[:])
    path = tmp_path / "kept_here.py"
    path.write_text(Path(kept_samples.__file__).read_text())
    yield Target.parse(f"{path}:make_loader", tmp_path)
    sys.modules.pop("kept_here", None)


def make_trial(workload: OwnLoader, **knobs) -> Trial:
    spec = InMemory(FACTS).with_knobs(knobs).resolve()
    return Trial(Configuration(spec, "cpu", "none", None, 1), 0, 0, 0, 0, workload, 2, seed=0)


@pytest.mark.parametrize(
    ("batch_size", "batches", "delivered"),
    [(None, None, (19, 300)), (100, None, (3, 300)), (None, 2, (2, 32))],
)
def test_epochs_and_their_audit(target: Target, batch_size, batches, delivered) -> None:
    """It delivers what the dataset holds, by the indices that the user's sampler asked for."""
    workload = OwnLoader(target, FACTS, "0" * 64, batches)
    trial = make_trial(workload, batch_size=batch_size)
    reports = list(islice(trial.run(), 2))
    assert [(r.timings.batches, r.timings.samples) for r in reports] == [delivered] * 2
    assert reports[0].build_s > 0
    audit = workload.make_audit()
    seen = list(islice(trial.repeat(), 2))
    for observation in seen:
        assert audit.audit(trial, observation).kind == "content"
    assert seen[0].compared == delivered[0]


@pytest.mark.parametrize("family", [InMemory, OwnDataLoader])
def test_batches_that_are_copied_ahead_are_limited_and_audited(target: Target, family, monkeypatch) -> None:
    """No batch is loaded that nobody asks for; each one that is delivered is what the dataset holds."""
    monkeypatch.setattr(nested_prefetcher, "CudaDevice", lambda name: PromptDevice())
    workload = OwnLoader(target, FACTS, "0" * 64, batches=2)
    spec = family(FACTS, transfer="prefetch", pin_memory=False).resolve(cuda=True)
    trial = Trial(Configuration(spec, "cuda", "none", None, 1), 0, 0, 0, 0, workload, 2, seed=0)
    training = workload.make_training(trial, in_full=True)
    training.inspector.start_over()
    seen = []
    for batch in training.pipeline:
        seen.append(training.count(batch))
        training.inspector(batch, 1)
    assert seen == [16, 16]
    observation = training.inspector.observe(2, 32)
    assert (observation.asked.batches, observation.compared, observation.fault) == (2, 2, "")


def test_the_time_of_decoding_is_in_build_s(target: Target, context) -> None:
    """Also where another process has decoded."""
    workload = OwnLoader(target, FACTS, "0" * 64)
    trial = make_trial(workload)
    workload.prepare(trial.configuration.spec)
    (params, stored), *_ = workload.store._stored.items()
    workload.store._stored[params] = replace(stored, decode_s=1_000.0)
    first, second = islice(trial.run(), 2)
    assert 1_000 < first.build_s < 1_100
    assert second.build_s is None
    assert first.timings.samples == SAMPLES


def test_the_store_does_not_make_a_workload_another_one(target: Target) -> None:
    """Workloads are compared, and are keys."""
    one, other = (OwnLoader(target, FACTS, "0" * 64, store=SampleStore()) for _ in range(2))
    assert one == other
    assert hash(one) == hash(other)
    assert one.prepare(object()) is None


def plan_of(facts, **request):
    workload = OwnLoader(Target("t.py:x", Path(), Path(), "t", "x"), facts, "0" * 64)
    return make_plan(
        Request(step=("none",), **request), HERE, OwnChoice(workload, (((), workload.facts),)).offer
    )


def families_of(plan) -> list[str]:
    return [configuration.spec.family for configuration in plan.configurations]


def test_it_is_measured_once_unasked() -> None:
    """Only where no knobs are given, and varied where it is named."""
    assert families_of(plan_of(FACTS)).count("in_memory") == 1
    assert "in_memory" not in families_of(plan_of(FACTS, knobs={"num_workers": (0, 2)}))
    assert families_of(plan_of(FACTS, family=("in_memory",), preset="quick")).count("in_memory") > 1


def test_what_is_left_out_is_told() -> None:
    """By a sweep that names no family; named, it is an error, or is measured."""
    augmented = find_facts(make_loader("augmented"), None, name="mine")
    plan = plan_of(augmented)
    reason = "samples differ from call to call: random transforms"
    assert ("in_memory", f"in_memory: {reason}") in plan.dropped
    assert "in_memory" not in families_of(plan)
    assert not plan_of(augmented, knobs={"num_workers": (0, 2)}).dropped
    with pytest.raises(PlanError, match=f"--family: in_memory can't serve this: {reason}"):
        plan_of(augmented, family=("in_memory",))
    slow = replace(FACTS, sample=replace(FACTS.sample, sample_s=10.0))
    assert "in_memory" not in families_of(plan_of(slow))
    assert "decoding takes about" in dict(plan_of(slow).dropped)["in_memory"]
    assert set(families_of(plan_of(slow, family=("dataloader", "in_memory")))) == {"dataloader", "in_memory"}


def test_the_code_names_the_users_loader() -> None:
    """With the parameters and the batch size that it needs."""
    target = Target("t.py:make_loader", Path(), Path(), "t", "make_loader")
    spec = InMemory(FACTS, (("kind", "plain"),), batch_size=8).resolve()
    assert make_own_code(target, "dataloader", spec) == [
        "# your_loader is the DataLoader of t.py:make_loader, with kind='plain', batch_size=8",
        "from loaders.ring import InMemoryLoader",
        "",
        "# Batch n is valid until batch n+2 is requested, or the next epoch begins.",
        "loader = InMemoryLoader(your_loader)",
    ]
