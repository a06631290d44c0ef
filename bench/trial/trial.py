"""Trial: one configuration in one block, and its run in this process."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial

import torch

from bench.plan.configuration import Configuration
from bench.records.row import Row
from bench.trial.batch_inspector import BUDGET, BatchInspector
from bench.trial.device_inspector import DeviceInspector
from bench.trial.device_pass import TimedStep, set_span
from bench.trial.device_timer import DeviceTimer
from bench.trial.epoch_meter import EpochMeter
from bench.trial.epoch_observation import EpochObservation
from bench.trial.epoch_report import EpochReport
from bench.trial.epoch_row import SECONDS_PER_NS
from bench.trial.inspected_step import InspectedStep
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
    """One configuration in one block.

    Attributes:
        configuration: the loader, the step and the device.
        number: place of the configuration in the plan, from 0.
        baseline: place of the configuration that it is compared with.
        block: block of the trial, from 0.
        position: place of the trial in its block, from 0.
        dataset: the data to train on.
        epochs: smallest number of epochs.
        seed: decides the order of the samples and the model's start.
        learning_rate: None for the default of the loss.
        attempt: 1 for the repetition of a disturbed trial; default 0.
        audited: whether its epochs must deliver the dataset; False for a trial that measures a ceiling.
        steady_s: seconds that the epochs after the first must last together, up to MAX_EPOCHS epochs; default
            0.
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
        """Return whether the trial has enough epochs.

        Args:
            walls_ns: length of each epoch so far, in nanoseconds.
        """
        done = len(walls_ns)
        long_enough = sum(walls_ns[1:]) * SECONDS_PER_NS >= self.steady_s or done >= MAX_EPOCHS
        return done >= self.epochs and long_enough

    def make_row(self, epoch: int, started_at: str | None = None) -> Row:
        """Return the row of an epoch that has not been measured.

        Args:
            epoch: number of the epoch, from 0.
            started_at: start of the trial, UTC, ISO 8601.
        """
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
        """Return the step that trains on the pipeline's batches."""
        configuration = self.configuration
        graph = GraphSpec(pipeline.chunk_batches, pipeline.static_addresses)
        # Without a step the loss is not asked.
        loss = parse_loss(configuration.loss or "cross_entropy")
        return build_step(
            StepSpec(
                configuration.step, loss, self.learning_rate, graph if configuration.cuda_graph else None
            ),
            pixels=math.prod(self._find_shape(source)),
            classes=len(source.classes),
            device=configuration.device,
            seed=self.seed,
        )

    def make_timer(self) -> DeviceTimer:
        """Return the timer of the device pass."""
        return DeviceTimer()

    def make_reference(self, source: ImageSplit) -> ReferenceSamples:
        """Return the samples that each epoch must deliver of a split."""
        return ReferenceSamples(source, self._draw_grid(source), self.configuration.spec.resize)

    @property
    def has_device_pass(self) -> bool:
        """True if the epochs are followed by one that is timed on the device."""
        return self._on_cuda and self.audited and self.block == 0 and self.attempt == 0

    def run(self) -> Iterator[EpochReport]:
        """Build the loader and the step, and measure one epoch after another until the caller has enough.

        Each epoch is inspected within a small share of its time.
        """
        began_s = time.perf_counter()
        source, pipeline = self._build_pipeline()
        build_s: float | None = time.perf_counter() - began_s
        step = self.make_step(source, pipeline)
        meter = EpochMeter(pipeline, step, cuda=self._on_cuda)
        inspector = self._make_inspector(source, BUDGET) if self.audited else None
        make_device_inspector = partial(
            DeviceInspector,
            self._draw_grid(source),
            self._find_shape(source),
            len(source),
            self.configuration.device,
        )
        # Delivered batches that are finished on the device have another form. They are inspected in `repeat`.
        has_final_form = not self._on_cuda or self.configuration.spec.device_transform() is None
        # The loader may hold less than the whole split.
        del source
        walls_ns: list[int] = []
        while True:
            if self.has_device_pass and self.is_done(walls_ns):
                yield self._measure_on_device(pipeline, step, meter, make_device_inspector())
            if inspector is not None:
                inspector.start_over()
            report = meter.measure(inspector=inspector if has_final_form else None)
            timings = report.timings
            walls_ns.append(timings.wall_ns)
            observation = inspector.observe(timings.batches, timings.samples) if inspector else None
            yield replace(report, observation=observation, build_s=build_s)
            build_s = None

    def repeat(self) -> Iterator[EpochObservation]:
        """Run the same epochs once more, off the clock, and inspect every batch in whole.

        The same seed makes the same order, so the observations hold for the epochs that were timed.
        """
        source, pipeline = self._build_pipeline()
        step = self.make_step(source, pipeline)
        inspector = self._make_inspector(source, math.inf)

        def inspect(images: torch.Tensor, labels: torch.Tensor) -> None:
            inspector(images.detach().cpu(), labels.cpu(), elapsed_ns=1)

        consumer = InspectedStep(step, inspect)
        meter = EpochMeter(pipeline, step, cuda=self._on_cuda)
        del source
        while True:
            inspector.start_over()
            timings = meter.measure(consumer).timings
            yield inspector.observe(timings.batches, timings.samples)

    @property
    def _on_cuda(self) -> bool:
        return self.configuration.device == "cuda"

    def _measure_on_device(
        self, pipeline: Pipeline, step: TrainStep, meter: EpochMeter, inspector: DeviceInspector
    ) -> EpochReport:
        """Measure one epoch with CUDA events, and inspect it on the device."""
        timer = self.make_timer()
        set_span(pipeline, step, timer.span)
        report = meter.measure(InspectedStep(TimedStep(step, timer), inspector))
        set_span(pipeline, step, no_span)
        observation = inspector.observe(report.timings.batches, report.timings.samples)
        return replace(report, observation=observation, on_device=timer.read_seconds())

    def _build_pipeline(self) -> tuple[ImageSplit, Pipeline]:
        """Read the data and build the loader, with torch's threads and seed set."""
        configuration = self.configuration
        torch.set_num_threads(configuration.num_threads)
        torch.manual_seed(self.seed)
        source = self.dataset.read("train")
        return source, configuration.spec.pipeline(
            source, device=configuration.device, shuffle=True, seed=self.seed
        )

    def _make_inspector(self, source: ImageSplit, budget: float) -> BatchInspector:
        return BatchInspector(self._draw_grid(source), self._find_shape(source), len(source), budget=budget)

    def _find_shape(self, source: ImageSplit) -> tuple[int, ...]:
        """Return the shape of a delivered picture, (1, H, W)."""
        resize = self.configuration.spec.resize
        return (1, resize, resize) if resize else (1, *source.images.shape[1:])

    def _draw_grid(self, source: ImageSplit) -> PixelGrid:
        _, height, width = self._find_shape(source)
        # Each block has another grid, as a grid misses faults beside its pixels.
        return PixelGrid.draw(height, width, f"{self.seed}/{self.block}")
