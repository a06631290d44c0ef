"""Describe the configuration that is explained, as its analysis needs it."""

from __future__ import annotations

from typing import Any

from bench.analysis.evidence import LoaderSetup
from bench.machine.cpu_checks import count_usable_cores
from bench.machine.environment import describe_gpu
from bench.plan.configuration import Configuration
from bench.report.gpu_name import name_gpu
from bench.runner.epoch_cut import EpochCut
from bench.trial.workload import Workload
from bench.workloads.script.script import Script
from loaders.families.batched_dataloader import BatchedDataLoader
from loaders.families.dataloader import OwnDataLoader
from loaders.families.in_memory import InMemory
from loaders.families.stream import Stream
from loaders.spec.dataloader_spec import DataLoaderSpec
from loaders.spec.own_loader_spec import OwnLoaderSpec
from loaders.spec.source_facts import SourceFacts


def describe_setup(configuration: Configuration, workload: Workload, cut: EpochCut) -> LoaderSetup:
    """Describe a configuration.

    Args:
        configuration: the loader and its step. Its knobs hold no `none` that stands for another value.
        workload: what it trains.
        cut: number of batches of the epochs that are measured.
    """
    spec = configuration.spec
    knobs = spec.knobs()
    own = isinstance(spec, OwnLoaderSpec)
    facts = find_facts(configuration, workload)
    return LoaderSetup(
        name=workload.name,
        family=spec.family,
        step=configuration.step,
        device=configuration.device,
        cores=count_usable_cores(),
        num_threads=configuration.num_threads,
        has_dataloader=isinstance(spec, OwnDataLoader | DataLoaderSpec),
        batch_size=_find_batch_size(knobs.get("batch_size"), facts),
        num_workers=int(knobs.get("num_workers") or 0),
        prefetch_factor=_read_number(knobs.get("prefetch_factor")),
        persistent_workers=bool(knobs.get("persistent_workers")),
        pin_memory=bool(knobs.get("pin_memory")),
        in_order=knobs.get("in_order") is not False,
        multiprocessing_context=_read_text(knobs.get("multiprocessing_context")),
        measured_batches=cut.batches,
        epoch_batches=cut.whole,
        map_style=facts.map_style if facts is not None else not isinstance(spec, Stream),
        fetches_batches=facts.fetches_batches if facts is not None else isinstance(spec, BatchedDataLoader),
        in_memory_bytes=_estimate_bytes(facts) if own else None,
        no_in_memory=_find_obstacle(spec, facts),
        gpu=name_gpu({"gpu": describe_gpu()}) if configuration.device == "cuda" else "",
    )


def find_facts(configuration: Configuration, workload: Workload) -> SourceFacts | None:
    """Return what is known of the user's own loader; None for pictures."""
    if isinstance(workload, Script):
        return workload.picked.facts
    return configuration.spec.facts if isinstance(configuration.spec, OwnLoaderSpec) else None


def _find_batch_size(size: Any, facts: SourceFacts | None) -> int | None:
    if isinstance(size, int):
        return size
    return facts.batch_samples or None if facts is not None else None


def _estimate_bytes(facts: SourceFacts | None) -> int | None:
    """Return the bytes of all samples once decoded; None where they can't be kept."""
    sample = None if facts is None else facts.sample
    if facts is None or InMemory.refuse(facts) is not None or sample is None or sample.count is None:
        return None
    return sample.count * sample.sample_bytes


def _find_obstacle(spec: Any, facts: SourceFacts | None) -> str:
    """Return why samples can't be kept in memory; empty where they can, or are."""
    if facts is None:
        return "other families of Fashion-MNIST keep it in memory: a sweep measures them"
    if isinstance(spec, InMemory):
        return "they are in memory"
    if facts.kind == "script":
        return "a script keeps its own DataLoaders"
    return InMemory.refuse(facts) or ""


def _read_number(value: Any) -> int | None:
    return value if isinstance(value, int) else None


def _read_text(value: Any) -> str | None:
    return value if isinstance(value, str) else None
