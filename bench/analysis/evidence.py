"""Evidence: everything that was measured of one configuration to explain its speed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from bench.records.batch_trace import BatchTrace
from bench.records.row import Row
from bench.records.rung_time import RungTime


@dataclass(frozen=True)
class LoaderSetup:
    """The configuration that is explained, and what is known of its data.

    Attributes:
        name: name of the workload, such as `train.py:train_loader`.
        family: loader family, such as `dataloader`.
        step: the step: `none`, `script`, `12ms`, or its name.
        device: `cpu` or `cuda`.
        cores: cores that the processes may use, a quota's share included.
        num_threads: torch's threads in the training process.
        has_dataloader: whether the loader is a DataLoader, so that its knobs can be turned.
        batch_size: samples in a full batch.
        num_workers: number of workers; 0 without.
        prefetch_factor: batches that each worker loads ahead; None without workers.
        persistent_workers: whether workers stay between epochs.
        pin_memory: whether batches lie in page-locked memory.
        in_order: whether batches come in the sampler's order.
        multiprocessing_context: start method of workers; None without.
        measured_batches: number of batches of the epochs that were measured.
        epoch_batches: number of batches of a whole epoch of the training; None where it isn't known.
        map_style: whether samples are asked for by index.
        fetches_batches: whether the dataset has `__getitems__`, which fetches a batch at once.
        in_memory_bytes: bytes that all samples take, once decoded; None where they can't be kept.
        no_in_memory: why samples can't be kept in memory; empty where they can.
        gpu: name of the GPU that is measured on; empty without one.
    """

    name: str
    family: str
    step: str
    device: str
    cores: float
    num_threads: int
    has_dataloader: bool
    batch_size: int | None = None
    num_workers: int = 0
    prefetch_factor: int | None = None
    persistent_workers: bool = False
    pin_memory: bool = False
    in_order: bool = True
    multiprocessing_context: str | None = None
    measured_batches: int | None = None
    epoch_batches: int | None = None
    map_style: bool = False
    fetches_batches: bool = False
    in_memory_bytes: int | None = None
    no_in_memory: str = ""
    gpu: str = ""


@dataclass(frozen=True)
class PilotChange:
    """A change that is tried in short, so that what it brings along is measured and not assumed.

    Attributes:
        family: family of the changed loader.
        knobs: values of the changed options, by their names in Python, in the order of the names.
    """

    family: str
    knobs: tuple[tuple[str, Any], ...] = ()

    @property
    def name(self) -> str:
        """The change, such as `num_workers=2 num_threads=1`; the family without knobs."""
        return " ".join(f"{name}={value}" for name, value in self.knobs) or self.family


@dataclass(frozen=True)
class Pilot:
    """Traced epochs of a changed configuration.

    Attributes:
        change: the change.
        setup: the changed configuration.
        traces: its traced epochs.
    """

    change: PilotChange
    setup: LoaderSetup
    traces: tuple[BatchTrace, ...]


@dataclass(frozen=True)
class BlockEvidence:
    """Measurements of one block, each in a process of its own.

    Attributes:
        block: number of the block, from 0.
        whole: rows of the epochs of the configuration as it is. They alone say how fast it is.
        step_alone: rows of the epochs of the step on captured batches; empty without a step.
        traces: traced epochs of the configuration, for its inside. Tracing may slow them down.
        rungs: epochs that were cut short.
        pilots: traced epochs of changed configurations.
    """

    block: int
    whole: tuple[Row, ...]
    step_alone: tuple[Row, ...] = ()
    traces: tuple[BatchTrace, ...] = ()
    rungs: tuple[RungTime, ...] = ()
    pilots: tuple[Pilot, ...] = ()


@dataclass(frozen=True)
class Evidence:
    """Everything that was measured of one configuration.

    Attributes:
        setup: the configuration.
        blocks: the blocks, at least one with a `whole` of status `ok`.
        failures: one line for each look that failed, by its name; the rest is explained without it.
        pickled_bytes: bytes of the dataset as it is pickled for workers that aren't forked; None if unknown.
        pickle_s: seconds that this takes; None if unknown.
    """

    setup: LoaderSetup
    blocks: tuple[BlockEvidence, ...]
    failures: Mapping[str, str] = field(default_factory=dict)
    pickled_bytes: int | None = None
    pickle_s: float | None = None
