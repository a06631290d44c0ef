"""Trace of a training: whole epochs with the step, whose loading is timed from the inside."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from bench.probes.loader_trace import trace_loader
from bench.records.batch_trace import BatchTrace
from bench.trial.epoch_meter import EpochMeter
from bench.trial.probe import Probe
from bench.trial.training import Training
from loaders.device.pipeline import Pipeline


def trace_epochs(training: Training, probe: Probe) -> Iterator[BatchTrace]:
    """Run whole epochs with the step, and yield the trace of each.

    Batches are moved to the device as in a trial. Nothing is inspected.

    Args:
        training: the loader and the step.
        probe: says how many epochs.
    """
    with trace_loader(_find_traced(training.pipeline)) as trace:
        counted = replace(training, count=trace.watch(training.count))
        meter = EpochMeter(counted, cuda=probe.configuration.device == "cuda")
        for epoch in range(probe.epochs):
            yield trace.collect(meter.measure().timings, epoch)


def _find_traced(pipeline: Pipeline) -> Any:
    """Return the loader whose batches are delivered one by one, past what copies them to a device ahead."""
    return pipeline.host_loader if pipeline.chunk_batches == 1 else pipeline.loader
