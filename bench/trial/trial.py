"""Trial: one configuration in one block, and what it takes to run it in this process."""

from __future__ import annotations

import gc
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import torch

from bench.machine import interference
from bench.machine.interference import Interference
from bench.plan.configuration import Configuration
from bench.records.row import Row
from bench.trial.batch_inspector import BUDGET, BatchInspector
from bench.trial.device_inspector import DeviceInspector
from bench.trial.device_pass import InspectedStep, set_span
from bench.trial.device_timer import DeviceTimer
from bench.trial.epoch_observation import EpochObservation
from bench.trial.epoch_report import EpochReport
from bench.trial.epoch_row import SECONDS_PER_NS
from bench.trial.measure import EpochTimings, measure_epoch
from bench.trial.pixel_grid import PixelGrid
from bench.trial.reference_samples import ReferenceSamples
from loaders.data.dataset_ref import DatasetRef
from loaders.data.image_split import ImageSplit
from loaders.device.device import no_span
from loaders.device.pipeline import Pipeline
from loaders.spec.knobs import format_value
from model.graphed_step import GraphSpec
from model.losses import parse_loss
from model.step_spec import StepSpec
from model.train_step import TrainStep, build_step

MAX_EPOCHS = 20


@dataclass(frozen=True)
class Trial:
    """What is run, and where it stands in the sweep.

    number, baseline: places in the plan. epochs: how many at least. steady_s: more of them, until those after
    the first have lasted that long, or there are MOST_EPOCHS. seed decides the order of the samples and the
    model's start. attempt: 1 for the repetition of one that was disturbed. learning_rate: None for the loss's
    own. audited: whether its epochs must deliver the dataset; what measures a limit needn't.
    """

    configuration: Configuration
    number: int
    baseline: int
    block: int
    position: int
    dataset: DatasetRef
    epochs: int
    seed: int
    learning_rate: float | None = None
    attempt: int = 0
    audited: bool = True
    steady_s: float = 0.0

    def is_done(self, walls_ns: Sequence[int]) -> bool:
        """Whether epochs that lasted so long are all of it."""
        done = len(walls_ns)
        long_enough = sum(walls_ns[1:]) * SECONDS_PER_NS >= self.steady_s or done >= MAX_EPOCHS
        return done >= self.epochs and long_enough

    def row(self, epoch: int, started_at: str | None = None) -> Row:
        """The row of an epoch of which nothing has been measured yet."""
        configuration = self.configuration
        return Row(
            configuration=self.number,
            baseline=self.baseline,
            family=configuration.spec.family,
            dataset=self.dataset.name,
            device=configuration.device,
            knobs={name: format_value(value) for name, value in configuration.spec.knobs().items()},
            num_threads=configuration.num_threads,
            step=configuration.step,
            loss=configuration.loss,
            cuda_graph=format_value(configuration.cuda_graph),
            block=self.block,
            position=self.position,
            attempt=self.attempt,
            epoch=epoch,
            started_at=started_at,
        )

    def make_step(self, source: ImageSplit, pipeline: Pipeline) -> TrainStep:
        """The step that is fed by that pipeline."""
        configuration = self.configuration
        graph = GraphSpec(pipeline.chunk_batches, pipeline.static_addresses)
        # Without a step the loss is not asked.
        loss = parse_loss(configuration.loss or "cross_entropy")
        return build_step(
            StepSpec(
                configuration.step, loss, self.learning_rate, graph if configuration.cuda_graph else None
            ),
            pixels=math.prod(self._shape(source)),
            classes=len(source.classes),
            device=configuration.device,
            seed=self.seed,
        )

    def make_timer(self) -> DeviceTimer:
        """What times the device."""
        return DeviceTimer()

    def run(self) -> Iterator[EpochReport]:
        """Build the loader and the step, and measure one epoch after another in this process, without end."""
        source, pipeline = self._pipeline()
        step = self.make_step(source, pipeline)
        # The first reading looks for what can be read here.
        interference.read_counters(cuda=self._cuda)
        # What is finished on the device has another form when it is delivered; it is repeated and seen then.
        seen = not self._cuda or self.configuration.spec.device_transform() is None
        witness = self._witness(source) if self.audited else None
        samples, shape, grid = len(source), self._shape(source), self._grid(source)
        device = self.configuration.device
        # What the loader doesn't hold is none of its memory.
        del source
        walls_ns: list[int] = []
        # Until whoever takes them has enough.
        while True:
            if self.has_device_pass and self.is_done(walls_ns):
                yield self._device_pass(pipeline, step, DeviceInspector(grid, shape, samples, device))
            if witness is not None:
                witness.start_over()
            timings, between = self._epoch(pipeline, step, step, witness if seen else None)
            walls_ns.append(timings.wall_ns)
            record = witness.record(len(timings.data_wait_ns), timings.samples) if witness else None
            yield EpochReport(timings, step.mean_loss(), between, record)

    @property
    def has_device_pass(self) -> bool:
        """Whether its epochs are followed by one that is timed on the device."""
        return self._cuda and self.audited and self.block == 0 and self.attempt == 0

    @property
    def _cuda(self) -> bool:
        return self.configuration.device == "cuda"

    def _epoch(
        self,
        pipeline: Pipeline,
        step: TrainStep,
        fed: Callable[[torch.Tensor, torch.Tensor], None],
        witness: BatchInspector | None,
    ) -> tuple[EpochTimings, Interference]:
        """One epoch under the clock; fed: the step, or what passes batches on to it."""

        def synchronize() -> None:
            step.flush()
            torch.cuda.synchronize()

        step.reset()
        # Not to let an epoch pay for what was left over before it.
        gc.collect()
        before = interference.read_counters(cuda=self._cuda)
        timings = measure_epoch(
            pipeline.loader,
            fed,
            transfer=pipeline.transfer,
            synchronize=synchronize if self._cuda else None,
            witness=witness,
        )
        return timings, interference.find_interference(before, interference.read_counters(cuda=self._cuda))

    def _device_pass(self, pipeline: Pipeline, step: TrainStep, witness: DeviceInspector) -> EpochReport:
        """One more epoch, timed by events."""
        timer = self.make_timer()
        set_span(pipeline, step, timer.span)
        timings, between = self._epoch(pipeline, step, InspectedStep(step, timer, witness), None)
        set_span(pipeline, step, no_span)
        record = witness.record(len(timings.data_wait_ns), timings.samples)
        return EpochReport(timings, step.mean_loss(), between, record, timer.seconds())

    def repeat(self) -> Iterator[EpochObservation]:
        """The same epochs once more, off the clock, without end, every batch of each looked at in full.

        The same seed makes the same order, so what is found in them is true of the epochs that were timed.
        """
        source, pipeline = self._pipeline()
        witness = self._witness(source, budget=math.inf)
        while True:
            witness.start_over()
            batches = samples = 0
            for images, labels in pipeline:
                witness(images.detach().cpu(), labels.cpu(), 1)
                batches += 1
                samples += len(labels)
            yield witness.record(batches, samples)

    def expected(self, source: ImageSplit) -> ReferenceSamples:
        """What its epochs should deliver of that source."""
        return ReferenceSamples(source, self._grid(source), self.configuration.spec.resize)

    def _pipeline(self) -> tuple[ImageSplit, Pipeline]:
        configuration = self.configuration
        torch.set_num_threads(configuration.num_threads)
        torch.manual_seed(self.seed)
        source = self.dataset.read("train")
        return source, configuration.spec.pipeline(
            source, device=configuration.device, shuffle=True, seed=self.seed
        )

    def _shape(self, source: ImageSplit) -> tuple[int, ...]:
        resize = self.configuration.spec.resize
        return (1, resize, resize) if resize else (1, *source.images.shape[1:])

    def _grid(self, source: ImageSplit) -> PixelGrid:
        _, height, width = self._shape(source)
        # Another one in each block, for what a grid leaves out.
        return PixelGrid.drawn(height, width, f"{self.seed}/{self.block}")

    def _witness(self, source: ImageSplit, budget: float = BUDGET) -> BatchInspector:
        return BatchInspector(
            self._grid(source),
            self._shape(source),
            len(source),
            budget=budget,
            background=bool(self.configuration.spec.knobs().get("num_workers")),
        )
