"""The memory of a training and of its workers, as a short trial shows it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from bench.machine.feasibility import MEMORY, SHARED_MEMORY, Footprint
from bench.plan.configuration import Configuration
from bench.plan.plan import PlanError
from bench.plan.request import Request
from bench.plan.schedule import Schedule
from bench.plan.search_space import SearchSpace
from bench.plan.sweep_options import SweepOptions
from bench.plan.tune_options import TuneOptions
from bench.process.memory_sample import MemorySample, WorkerMemory
from bench.records.row import Row
from bench.runner.trial_limits import TrialLimits
from bench.runner.trial_process import TrialRunner
from bench.runner.tuning import fitting
from bench.runner.tuning.fitting import leave_out_infeasible
from bench.runner.tuning.footprint import add_worker, describe_data, measure_footprint, read_footprint
from bench.trial.trial import Trial
from bench.workloads.own.own_loader import OwnLoader
from bench.workloads.target.target import Target
from loaders.families.dataloader import OwnDataLoader
from loaders.families.iterable import OwnIterable
from loaders.families.tensor_slice import TensorSlice
from loaders.families.torch_dataloader import TorchDataLoader
from loaders.spec.sample_facts import SampleFacts
from loaders.spec.source_facts import DataLoaderSettings, SourceFacts
from tests.bench.workloads.own.test_own_ceiling import PROJECT
from tests.fakes import Misbehaving, numbered_workload

MIB = 2**20
FACTS = SourceFacts(
    "dataloader",
    DataLoaderSettings(8),
    map_style=True,
    batch_bytes=4 * MIB,
    pickled_bytes=7,
    object_bytes=9,
    sample=SampleFacts(count=1_000, sample_bytes=512),
)


class Watch:
    """A watch that has seen some samples."""

    def __init__(self, *samples: MemorySample) -> None:
        self.samples = list(samples)


def configure(spec: Any) -> Configuration:
    return Configuration(spec.resolve(), "cpu", "none", None, 1)


@pytest.fixture(scope="module")
def measured(context, tmp_path_factory) -> tuple[Footprint, TrialRunner]:
    """A loader of pictures that has no workers, measured in a process of its own."""
    log = tmp_path_factory.mktemp("footprint") / "log"
    runner = TrialRunner(context, TrialLimits(60), log)
    present = configure(TorchDataLoader(num_workers=0, batch_size=8, resize=256))
    return measure_footprint(numbered_workload(500), present, runner), runner


def test_a_worker_is_measured_where_there_is_none(measured) -> None:
    """It holds less than the training process, with which it shares what was imported."""
    found, runner = measured
    assert found.training_bytes is not None
    assert found.worker_bytes is not None
    assert 0 < found.worker_bytes < found.training_bytes
    assert found.method == configure(TorchDataLoader(num_workers=1)).spec.multiprocessing_context
    assert found.batch_bytes == 8 * (4 * 256**2 + 8)
    # The next trials are timed, and their workers left alone.
    assert runner.limits == TrialLimits(60)


def test_a_trial_that_fails_leaves_the_memory_unknown(context, tmp_path) -> None:
    """What is known of the data stays."""
    runner = TrialRunner(context, TrialLimits(60), tmp_path / "log")
    found = measure_footprint(numbered_workload(20), configure(Misbehaving(behaviour="raise")), runner)
    assert (found.training_bytes, found.worker_bytes) == (None, None)


class LateRunner:
    """A runner whose trials take too long."""

    watch = Watch(MemorySample(0, 90, 50, WorkerMemory(60, 2)))

    def __init__(self) -> None:
        self.limits = TrialLimits(200.0)

    def run(self, trial: Trial) -> Iterator[Row]:
        self.seen = self.limits
        yield replace(trial.make_row(0), status="timeout")


def test_probe_ends_after_a_tenth_of_the_time() -> None:
    """It may hang, or its batches are slow. The memory until then counts."""
    runner: Any = LateRunner()
    found = measure_footprint(numbered_workload(20), configure(TorchDataLoader()), runner)
    assert runner.seen.timeout_s == 20.0
    assert runner.limits == TrialLimits(200.0)
    assert (found.training_bytes, found.worker_bytes) == (50, 30)


def test_only_a_loader_that_can_have_workers_gets_one() -> None:
    """Others are measured as they are."""
    assert add_worker(configure(TorchDataLoader(num_workers=0))).spec.knobs()["num_workers"] == 1
    for spec in (TorchDataLoader(num_workers=3), TensorSlice(), OwnIterable()):
        assert add_worker(configure(spec)) == configure(spec)
    settings = DataLoaderSettings(8, multiprocessing_context="spawn")
    facts = SourceFacts("dataloader", settings, map_style=True, pickle_error="it has a lambda")
    # A start method goes with the workers, so this one takes Python's default.
    assert add_worker(configure(OwnDataLoader(facts=facts))).spec.unavailable() is None


def test_the_largest_memory_counts() -> None:
    """Of the training process alone, and of a worker by itself."""
    watch: Any = Watch(
        MemorySample(0, 90, 50, WorkerMemory(0, 0)),
        MemorySample(1, 90, 70, WorkerMemory(60, 2)),
        MemorySample(2, 90, 60, WorkerMemory(20, 1)),
        MemorySample(3, 90, None),
    )
    found = read_footprint(Footprint(), watch)
    assert (found.training_bytes, found.worker_bytes) == (70, 30)
    unseen: Any = Watch()
    assert read_footprint(Footprint(), unseen) == Footprint()


def own_workload() -> OwnLoader:
    return OwnLoader(Target.parse(f"{PROJECT}:loader"), FACTS, "")


def test_facts_of_an_own_dataset_are_taken_over() -> None:
    """As its inspection has found them."""
    found = describe_data(own_workload(), configure(OwnDataLoader(facts=FACTS)))
    assert (found.batch_bytes, found.pickled_bytes, found.object_bytes) == (4 * MIB, 7, 9)
    assert found.kept_bytes == 512_000


def test_what_does_not_fit_leaves_the_space(monkeypatch) -> None:
    """The present configuration stays, and the others that are left keep their order."""
    configurations = tuple(configure(OwnDataLoader(facts=FACTS, num_workers=n)) for n in (1, 8, 0, 2))
    known = Footprint(100 * MIB, 10 * MIB, "fork", batch_bytes=4 * MIB)
    monkeypatch.setattr(fitting, "measure_footprint", lambda *_: known)
    order = SweepOptions(Request(), Schedule(1, 1, 0), memory_limit=1 << 40)
    options = TuneOptions(order, shm_limit=40 * MIB)
    runner: Any = None
    space = SearchSpace(configurations, (), {"num_workers": ("0", "1", "2", "8")})
    left = leave_out_infeasible(space, options, own_workload(), runner)
    assert left.configurations == (configurations[0], configurations[2], configurations[3])
    (infeasible,) = left.infeasible
    assert infeasible.names == ("num_workers=8",)
    assert infeasible.reason.startswith(f"{SHARED_MEMORY}: they need ")
    tight = TuneOptions(SweepOptions(Request(), Schedule(1, 1, 0), memory_limit=MIB), shm_limit=1 << 40)
    with pytest.raises(PlanError, match=f"only the present one fits: {MEMORY}: they need "):
        leave_out_infeasible(space, tight, own_workload(), runner)
