"""FashionMnist: softmax regression on small grey pictures, each known by what it looks like."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path
from typing import Any

from bench.machine.requirements import LoaderSettings, Requirements, StoredPictures, estimate_all
from bench.probes.probe_training import probe_training
from bench.trial.audit import audit_epoch
from bench.trial.audit_result import AuditResult
from bench.trial.batch_inspector import BUDGET, BatchInspector
from bench.trial.device_inspector import DeviceInspector
from bench.trial.epoch_observation import EpochObservation
from bench.trial.pixel_grid import PixelGrid
from bench.trial.probe import Probe
from bench.trial.reference_samples import ReferenceSamples
from bench.trial.training import Step, Training
from bench.trial.trial import Trial
from bench.trial.workload import TrainingWorkload
from loaders.data.batch import Batch
from loaders.data.conversion import Progress
from loaders.data.dataset_ref import DatasetRef
from loaders.data.image_split import ImageSplit
from loaders.device.pipeline import Pipeline
from loaders.spec.loader_spec import LoaderSpec
from model.graphed_step import GraphSpec
from model.losses import parse_loss
from model.step_spec import StepSpec
from model.train_step import build_step


@dataclass(frozen=True)
class FashionMnist(TrainingWorkload):
    """Softmax regression on Fashion-MNIST, or on another dataset of small grey pictures.

    Attributes:
        dataset: place and identity of the data.
        most_samples: number of samples of an epoch, the first ones of the data; default None for all.
    """

    dataset: DatasetRef
    most_samples: int | None = None

    @property
    def name(self) -> str:
        """The name of the dataset."""
        return self.dataset.name

    @property
    def digest(self) -> str:
        """The digest of the dataset's files."""
        return self.dataset.digest

    @cached_property
    def split(self) -> ImageSplit:
        """The training split, read once in this process. It isn't sent to others."""
        split = self.dataset.read("train")
        return split if self.most_samples is None else split.take_first(self.most_samples)

    def __getstate__(self) -> dict[str, Any]:
        return {"dataset": self.dataset, "most_samples": self.most_samples}

    def find_changed(self) -> Path | None:
        """Return the first file of the dataset that has changed since it was checked."""
        return self.dataset.changed()

    @property
    def samples(self) -> int:
        """Samples of the training split."""
        return len(self.split)

    @property
    def class_names(self) -> Sequence[str]:
        """Names of the classes."""
        return self.split.classes

    def make_code(self, spec: LoaderSpec) -> list[str]:
        """Return the lines of code that make a loader in a script of the user's own."""
        return spec.example_code(self.split)

    def estimate_requirements(self, loaders: Sequence[LoaderSettings], *, num_threads: int) -> Requirements:
        """Estimate the most that any of some loaders of these pictures takes of the machine."""
        return estimate_all(loaders, StoredPictures(*self.split.images.shape), num_threads=num_threads)

    def prepare(
        self, spec: LoaderSpec, progress: Progress | None = None, within_s: float | None = None
    ) -> None:
        """Make and check the files that a loader needs beside the data. It runs no code of a user."""
        del within_s
        spec.prepare(self.split, progress)

    def make_training(self, trial: Trial, *, in_full: bool = False) -> Training:
        """Read the data, and build the loader, the step and the inspectors."""
        configuration = trial.configuration
        source, spec = self.split, _find_spec(trial)
        pipeline = spec.pipeline(source, device=configuration.device, shuffle=True, seed=trial.seed)
        shape, grid = _find_shape(spec, source), _draw_grid(trial, source)
        inspector = None
        if trial.audited:
            inspector = BatchInspector(grid, shape, len(source), budget=math.inf if in_full else BUDGET)
        return Training(
            pipeline,
            self.make_step(trial, source, pipeline),
            count_pictures,
            HostInspector(inspector) if inspector is not None and in_full else inspector,
            # Delivered batches that are finished on the device have another form.
            has_final_form=configuration.device == "cpu" or spec.device_transform() is None,
            make_device_inspector=partial(DeviceInspector, grid, shape, len(source), configuration.device),
        )

    def make_step(self, trial: Trial, source: ImageSplit, pipeline: Pipeline) -> Step:
        """Return the step that trains on the pipeline's batches."""
        configuration = trial.configuration
        graph = GraphSpec(pipeline.chunk_batches, pipeline.static_addresses)
        # Without a step the loss is not asked.
        loss = parse_loss(configuration.loss or "cross_entropy")
        return build_step(
            StepSpec(
                configuration.step, loss, trial.learning_rate, graph if configuration.cuda_graph else None
            ),
            pixels=math.prod(_find_shape(_find_spec(trial), source)),
            classes=len(source.classes),
            device=configuration.device,
            seed=trial.seed,
        )

    def probe(self, probe: Probe) -> Iterator[Any]:
        """Look into the loading of a family's loader, in the probe's own process."""
        return probe_training(self, probe)

    def make_audit(self) -> PictureAudit:
        """Return the audit by content."""
        return PictureAudit(self)


class PictureAudit:
    """Audits epochs of pictures by their content."""

    def __init__(self, workload: FashionMnist) -> None:
        """Take the samples that epochs must deliver."""
        self._workload = workload
        self._references: dict[tuple[int, int, int | None], ReferenceSamples] = {}

    def audit(self, trial: Trial, observation: EpochObservation) -> AuditResult:
        """Audit one epoch.

        Raises:
            AuditError: the epoch did not deliver the dataset.
        """
        resize = _find_spec(trial).resize
        key = (trial.seed, trial.block, resize)
        if key not in self._references:
            # No trial of an earlier block comes back.
            self._references = {old: kept for old, kept in self._references.items() if old[:2] == key[:2]}
            split = self._workload.split
            self._references[key] = ReferenceSamples(split, _draw_grid(trial, split), resize)
        return audit_epoch(observation, self._references[key])


class HostInspector:
    """Inspects batches of any device in the host's memory, off the clock."""

    def __init__(self, inspector: BatchInspector) -> None:
        """Wrap the inspector of batches in the host's memory."""
        self._inspector = inspector
        self.start_over, self.observe = inspector.start_over, inspector.observe

    def __call__(self, batch: Batch, elapsed_ns: int) -> int:
        """Inspect a batch."""
        images, labels = batch
        return self._inspector((images.detach().cpu(), labels.cpu()), elapsed_ns)


def count_pictures(batch: Batch) -> int:
    """Return the number of pictures in a batch."""
    # numel() takes a quarter of the time of len().
    return batch[1].numel()


def _find_spec(trial: Trial) -> LoaderSpec:
    """Return the loader of pictures of a trial."""
    spec = trial.configuration.spec
    if not isinstance(spec, LoaderSpec):
        raise TypeError(f"{spec.family} is no loader of pictures")
    return spec


def _find_shape(spec: LoaderSpec, source: ImageSplit) -> tuple[int, ...]:
    """Return the shape of a delivered picture, (1, H, W)."""
    return (1, spec.resize, spec.resize) if spec.resize else (1, *source.images.shape[1:])


def _draw_grid(trial: Trial, source: ImageSplit) -> PixelGrid:
    _, height, width = _find_shape(_find_spec(trial), source)
    # Each block has another grid, as a grid misses faults beside its pixels.
    return PixelGrid.draw(height, width, f"{trial.seed}/{trial.block}")
