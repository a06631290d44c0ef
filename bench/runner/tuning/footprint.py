"""Measure the footprint of a training: what its process and a worker of its loader take of the memory."""

from __future__ import annotations

import sys
from dataclasses import replace
from typing import Any

from bench.machine.feasibility import Footprint
from bench.machine.requirements import LABEL_BYTES
from bench.plan.configuration import Configuration
from bench.process.memory_watch import MemoryWatch
from bench.runner.epoch_cut import EpochCut, cut_epochs, find_fewest_batches
from bench.runner.trial_process import TrialRunner
from bench.trial.trial import Trial
from bench.trial.workload import Workload
from bench.workloads.fashion_mnist import FashionMnist
from bench.workloads.own.own_loader import OwnLoader
from bench.workloads.script.script import Script
from loaders.spec.loader_spec import LoaderSpec
from loaders.spec.source_facts import SourceFacts

WORKERS = "num_workers"
# Share of a trial's time limit, which a budget shortens, that the probe may take.
PROBE_SHARE = 0.1
FLOAT_BYTES = 4


def measure_footprint(workload: Workload, present: Configuration, runner: TrialRunner) -> Footprint:
    """Measure a short epoch of the present configuration, or of the same with one worker.

    Args:
        workload: what is trained.
        present: the configuration that the user has.
        runner: runs the trial, and reads the memory of its workers meanwhile.

    Returns:
        The footprint. What wasn't seen in so short an epoch, or of a trial that failed, is unknown. Of one
        that takes too long, the memory until then counts.

    Raises:
        DataChangedError: the data changed meanwhile.
    """
    configuration = add_worker(present)
    method = configuration.spec.knobs().get("multiprocessing_context")
    footprint = replace(describe_data(workload, present), method=None if method is None else str(method))
    trial = Trial(
        configuration,
        number=0,
        baseline=0,
        block=0,
        position=0,
        workload=cut_epochs(workload, EpochCut(find_fewest_batches(configuration), None)),
        epochs=1,
        seed=0,
        audited=False,
    )
    limits = runner.limits
    # Workers are read only where the memory has a limit. The first worker may hang, and batches may be slow.
    runner.limits = replace(
        limits.end_within(PROBE_SHARE * limits.timeout_s),
        memory_limit_bytes=limits.memory_limit_bytes or sys.maxsize,
    )
    try:
        is_ok = all(row.status in ("ok", "timeout") for row in runner.run(trial))
    finally:
        runner.limits = limits
    return read_footprint(footprint, runner.watch) if is_ok and runner.watch is not None else footprint


def add_worker(present: Configuration) -> Configuration:
    """Return a configuration with one worker where it has none; itself where it can't have any.

    Args:
        present: the configuration.
    """
    spec = present.spec
    if spec.knobs().get(WORKERS) != 0:
        return present
    changed = replace(present, spec=spec.with_knobs({WORKERS: 1}))
    if changed.invalid() is not None:
        return present
    resolved = replace(changed, spec=changed.spec.resolve(cuda=present.device == "cuda"))
    return present if resolved.spec.unavailable() else resolved


def read_footprint(footprint: Footprint, watch: MemoryWatch) -> Footprint:
    """Return a footprint with the largest memory that was seen of a trial's processes.

    Args:
        footprint: what is known of the data.
        watch: what was seen.
    """
    training = [one.anonymous_bytes for one in watch.samples if one.anonymous_bytes is not None]
    workers = [
        one.workers.own_bytes // one.workers.processes
        for one in watch.samples
        if one.workers is not None and one.workers.processes
    ]
    return replace(
        footprint,
        training_bytes=max(training, default=None),
        worker_bytes=max(workers, default=None),
    )


def describe_data(workload: Workload, present: Configuration) -> Footprint:
    """Return what is known of a workload's data before a trial.

    Args:
        workload: what is trained.
        present: the configuration that the user has.
    """
    spec: Any = present.spec
    facts: SourceFacts | None = None
    if isinstance(workload, Script):
        facts = workload.picked.facts
    elif isinstance(workload, OwnLoader):
        facts = spec.facts
    if facts is None:
        # Pictures lie in arrays, so that a forked worker copies nothing of them.
        return Footprint(batch_bytes=_estimate_batch_bytes(workload, present))
    sample = facts.sample
    kept = sample.sample_bytes * (sample.count or 0) if sample is not None else 0
    return Footprint(
        batch_bytes=facts.batch_bytes or None,
        object_bytes=facts.object_bytes,
        pickled_bytes=facts.pickled_bytes,
        kept_bytes=kept or None,
    )


def _estimate_batch_bytes(workload: Workload, present: Configuration) -> int | None:
    """Return the bytes of a batch of pictures: float32, and labels of int64."""
    spec = present.spec
    if not isinstance(workload, FashionMnist) or not isinstance(spec, LoaderSpec):
        return None
    _, height, width = workload.split.images.shape
    pixels = height * width if spec.resize is None else spec.resize**2
    return spec.batch_size * (FLOAT_BYTES * pixels + LABEL_BYTES)
