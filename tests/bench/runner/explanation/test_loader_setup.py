"""The configuration that is explained, as its analysis needs it."""

from __future__ import annotations

from typing import Any

import pytest

from bench.analysis.evidence import LoaderSetup
from bench.plan.configuration import Configuration
from bench.runner.epoch_cut import EpochCut
from bench.runner.explanation.loader_setup import describe_setup
from bench.workloads.own.own_loader import OwnLoader
from bench.workloads.target.target import Target
from loaders.families.dataloader import OwnDataLoader
from loaders.families.in_memory import InMemory
from loaders.families.stream import Stream
from loaders.families.tensor_slice import TensorSlice
from loaders.families.torch_dataloader import TorchDataLoader
from loaders.spec.source_facts import DataLoaderSettings, SourceFacts
from tests.bench.workloads.own.test_own_ceiling import PROJECT
from tests.fakes import numbered_workload

CUT = EpochCut(40, 300)


def describe_pictures(spec: Any) -> LoaderSetup:
    return describe_setup(Configuration(spec, "cpu", "none", None, 1), numbered_workload(20), CUT)


def describe_own(facts: SourceFacts, **knobs: Any) -> LoaderSetup:
    workload = OwnLoader(Target.parse(f"{PROJECT}:loader"), facts, "")
    return describe_setup(
        Configuration(OwnDataLoader(facts=facts, **knobs), "cpu", "12ms", None, 3), workload, CUT
    )


def test_knobs_are_those_of_the_loader() -> None:
    """The batches of a measured epoch are told from those of the training's."""
    facts = SourceFacts("dataloader", DataLoaderSettings(4), map_style=True, fetches_batches=True)
    found = describe_own(
        facts,
        batch_size=16,
        num_workers=3,
        prefetch_factor=5,
        persistent_workers=True,
        multiprocessing_context="fork",
        in_order=False,
    )
    assert (found.num_workers, found.prefetch_factor, found.persistent_workers) == (3, 5, True)
    assert (found.multiprocessing_context, found.in_order, found.pin_memory) == ("fork", False, False)
    assert (found.batch_size, found.step, found.num_threads) == (16, "12ms", 3)
    assert (found.measured_batches, found.epoch_batches) == (40, 300)
    assert found.has_dataloader
    assert found.map_style
    assert found.fetches_batches


@pytest.mark.parametrize(("batch_samples", "batch_size"), [(8, 8), (0, None)])
def test_a_dataset_that_makes_batches_tells_their_size(batch_samples, batch_size) -> None:
    """By the first one, if that can be told."""
    facts = SourceFacts("dataloader", DataLoaderSettings(None), batch_samples=batch_samples)
    found = describe_own(facts)
    assert found.batch_size == batch_size
    assert not found.map_style
    assert found.in_memory_bytes is None
    assert found.no_in_memory


def test_only_a_dataloader_has_its_knobs() -> None:
    """A stream of pictures has them, too, but no indices."""
    assert describe_pictures(TorchDataLoader()).has_dataloader
    assert describe_pictures(TorchDataLoader()).map_style
    assert describe_pictures(Stream()).has_dataloader
    assert not describe_pictures(Stream()).map_style
    assert not describe_pictures(TensorSlice()).has_dataloader
    assert describe_pictures(TorchDataLoader()).in_memory_bytes is None


def test_samples_that_are_in_memory_are_not_kept_again() -> None:
    """Nothing is estimated for them."""
    facts = SourceFacts("dataset", DataLoaderSettings(4), map_style=True)
    workload = OwnLoader(Target.parse(f"{PROJECT}:loader"), facts, "")
    found = describe_setup(Configuration(InMemory(facts=facts), "cpu", "none", None, 1), workload, CUT)
    assert found.no_in_memory == "they are in memory"
    assert not found.has_dataloader


def test_the_gpu_is_looked_at_for_a_training_on_it(monkeypatch) -> None:
    """A training on the CPU asks for none."""
    monkeypatch.setattr(
        "bench.runner.explanation.loader_setup.describe_gpu", lambda: {"name": "NVIDIA L4", "count": 2}
    )
    on_gpu = Configuration(TensorSlice().resolve(cuda=True), "cuda", "none", None, 1)
    assert describe_setup(on_gpu, numbered_workload(20), CUT).gpu == "NVIDIA L4, one of 2"
    assert describe_pictures(TensorSlice()).gpu == ""
