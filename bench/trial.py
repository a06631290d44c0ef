"""Trial: one configuration in one block, and what it takes to run it in this process."""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import numpy as np
import torch

from bench import process_tree
from bench.grid import Configuration
from bench.measure import EpochTimings, measure_epoch
from bench.row import Row
from loaders.knobs import text_of
from loaders.source import Dataset
from loaders.spec import Batch
from model.losses import parse_loss
from model.train_step import build_step

NS = 1e-9


class DeliveryError(RuntimeError):
    """An epoch that isn't one: a loader that delivers less, or more, is not fast but wrong."""


@dataclass(frozen=True)
class EpochReport:
    """What the trial's process tells of one epoch. cpu_s: CPU seconds of its whole process tree."""

    timings: EpochTimings
    train_loss: float | None
    cpu_s: float


@dataclass(frozen=True)
class Trial:
    """What is run, and where it stands in the sweep.

    number, baseline: places in the plan. seed decides the order of the samples and the model's start.
    learning_rate: None for the loss's own.
    """

    configuration: Configuration
    number: int
    baseline: int
    block: int
    position: int
    dataset: Dataset
    epochs: int
    seed: int
    learning_rate: float | None = None

    def row(self, epoch: int, started_at: str | None = None) -> Row:
        """The row of an epoch of which nothing has been measured yet."""
        configuration = self.configuration
        return Row(
            configuration=self.number,
            baseline=self.baseline,
            family=configuration.spec.family,
            dataset=self.dataset.name,
            device=configuration.device,
            knobs={name: text_of(value) for name, value in configuration.spec.knobs().items()},
            num_threads=configuration.num_threads,
            step=configuration.step,
            loss=configuration.loss,
            block=self.block,
            position=self.position,
            epoch=epoch,
            started_at=started_at,
        )

    def run(self) -> Iterator[EpochReport]:
        """Build the loader and the step, and measure one epoch after another, in this process."""
        configuration = self.configuration
        spec = configuration.spec
        device = torch.device(configuration.device)
        torch.set_num_threads(configuration.num_threads)
        torch.manual_seed(self.seed)
        source = self.dataset.read("train")
        height, width = (spec.resize, spec.resize) if spec.resize else source.images.shape[1:]
        step = build_step(
            configuration.step,
            # Without a step the loss is not asked.
            parse_loss(configuration.loss or "cross_entropy"),
            pixels=height * width,
            classes=len(source.classes),
            learning_rate=self.learning_rate,
            device=device,
            seed=self.seed,
        )
        loader = spec.build(source, shuffle=True, seed=self.seed)
        cuda = device.type == "cuda"
        for _ in range(self.epochs):
            step.reset()
            # Not to let an epoch pay for what was left over before it.
            gc.collect()
            cpu_s = process_tree.cpu_seconds()
            timings = measure_epoch(
                loader,
                step,
                transfer=_to(device, non_blocking=bool(spec.knobs().get("pin_memory"))) if cuda else None,
                synchronize=torch.cuda.synchronize if cuda else None,
            )
            if timings.samples != len(source):
                raise DeliveryError(f"the loader delivered {timings.samples} of {len(source)} samples")
            yield EpochReport(timings, step.mean_loss(), process_tree.cpu_seconds() - cpu_s)


def measured(row: Row, report: EpochReport, peak_memory_bytes: int | None) -> Row:
    """The row with what was measured filled in: nanoseconds become seconds, waits are summarised."""
    timings = report.timings
    waits = np.asarray(timings.data_wait_ns, dtype=np.int64) * NS
    first = timings.time_to_first_batch_ns
    return replace(
        row,
        samples=timings.samples,
        batches=len(waits),
        sample_shape="x".join(map(str, timings.sample_shape)) or None,
        dtype=timings.dtype or None,
        wall_s=timings.wall_ns * NS,
        samples_per_s=timings.samples / (timings.wall_ns * NS),
        startup_s=timings.startup_ns * NS,
        time_to_first_batch_s=None if first is None else first * NS,
        data_wait_s=sum(timings.data_wait_ns) * NS,
        data_wait_median_s=float(np.median(waits)) if len(waits) else None,
        data_wait_p99_s=float(np.percentile(waits, 99)) if len(waits) else None,
        transfer_s=sum(timings.transfer_ns) * NS,
        step_s=(sum(timings.step_ns) + timings.drain_ns) * NS,
        teardown_s=timings.teardown_ns * NS,
        train_loss=report.train_loss,
        cpu_s=report.cpu_s,
        peak_memory_bytes=peak_memory_bytes,
    )


def _to(device: torch.device, *, non_blocking: bool) -> Callable[[Batch], Batch]:
    def transfer(batch: Batch) -> Batch:
        images, labels = batch
        return images.to(device, non_blocking=non_blocking), labels.to(device, non_blocking=non_blocking)

    return transfer
