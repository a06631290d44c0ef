"""Probe of a training that this program makes, in the probe's process."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from bench.probes.ladder import climb_ladder
from bench.probes.trace_training import trace_epochs
from bench.trial.probe import Probe
from bench.trial.training import Training
from bench.trial.trial import Trial
from bench.trial.workload import TrainingWorkload, explain_failures


def probe_training(workload: TrainingWorkload, probe: Probe) -> Iterator[Any]:
    """Make a training, and look into its loading.

    Args:
        workload: makes the training.
        probe: says what to look at.

    Returns:
        BatchTraces for a `trace`, the items of `climb_ladder` for a `ladder`.
    """
    configuration = probe.configuration
    trial = Trial(configuration, 0, 0, probe.block, 0, workload, probe.epochs, seed=probe.seed, audited=False)
    training = workload.prepare_training(trial)
    with explain_failures(training):
        yield from trace_epochs(training, probe) if probe.kind == "trace" else _climb(training, probe)


def _climb(training: Training, probe: Probe) -> Iterator[Any]:
    pipeline = training.pipeline
    if pipeline.host_loader is not pipeline.loader:
        return climb_ladder(pipeline.host_loader, probe, delivered=pipeline)
    if pipeline.transfer is None and probe.configuration.device != "cpu":
        # The loader delivers on the device, where no stage can be seen alone.
        return climb_ladder(pipeline.loader, probe, delivered=pipeline)
    return climb_ladder(pipeline.loader, probe, transfer=pipeline.transfer)
