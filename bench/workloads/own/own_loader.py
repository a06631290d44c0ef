"""OwnLoader: a user's own loader or dataset, with a step of theirs, one that only takes time, or none."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, ClassVar

from torch.utils.data import DataLoader

from bench.machine.requirements import LoaderSettings, Requirements, estimate_for_batches
from bench.plan.ceiling_loaders import OwnStepCeiling
from bench.probes.probe_training import probe_training
from bench.trial.probe import Probe
from bench.trial.training import Training
from bench.trial.trial import Trial
from bench.trial.workload import TrainingWorkload
from bench.workloads.audit.loader_watch import LoaderWatch
from bench.workloads.audit.own_audit import OwnAudit
from bench.workloads.own.captured_batches import CapturedBatches, capture
from bench.workloads.own.own_code import make_own_code
from bench.workloads.own.sample_store import SampleStore
from bench.workloads.target.open_source import open_source
from bench.workloads.target.own_steps import make_own_step
from bench.workloads.target.target import Target
from loaders.data.dataset_ref import FileStamp
from loaders.data.length import find_length
from loaders.data.nested_batch import count_samples, move
from loaders.device.pipeline import Pipeline
from loaders.families.in_memory import InMemory
from loaders.spec.first_batches import limit_epochs
from loaders.spec.own_loader_spec import OwnLoaderSpec
from loaders.spec.source_facts import DataLoaderSettings, SourceFacts
from loaders.spec.turn_knobs import copy_with

# Comparing an epoch with the dataset loads it once more, which can take seconds where the timed epochs of
# data in memory take milliseconds.
MOST_REPEATED = 3


@dataclass(frozen=True)
class OwnLoader(TrainingWorkload):
    """A user's own loader or dataset.

    Attributes:
        target: the loader, the dataset, or the function that makes one.
        facts: what is known of it.
        fingerprint: SHA-256 in hex over the modules that it is made of.
        batches: number of batches after which an epoch ends; None for the loader's own end.
        stamps: files of these modules, with size and time.
        store: decoded samples, which the trials share.
    """

    most_repeated: ClassVar[int | None] = MOST_REPEATED

    target: Target
    facts: SourceFacts
    fingerprint: str
    batches: int | None = None
    stamps: tuple[FileStamp, ...] = ()
    store: SampleStore = field(default_factory=SampleStore, compare=False, repr=False)

    @property
    def name(self) -> str:
        """The target as it was given."""
        return self.target.text

    @property
    def digest(self) -> str:
        """The fingerprint of the user's modules."""
        return self.fingerprint

    def find_changed(self) -> Path | None:
        """Return the first of the user's modules that was written to since the sweep began; None for none."""
        return next((stamp.path for stamp in self.stamps if FileStamp.of(stamp.path) != stamp), None)

    @property
    def samples(self) -> int | None:
        """Samples in an epoch; None where it isn't known."""
        if self.batches is None:
            return self.facts.samples
        most = self.batches * self.facts.batch_samples
        return most if self.facts.samples is None else min(most, self.facts.samples)

    def make_training(self, trial: Trial, *, in_full: bool = False) -> Training:
        """Make the user's loader and step in this process, where their modules come before ours."""
        configuration = trial.configuration
        spec = configuration.spec
        if isinstance(spec, OwnStepCeiling):
            return self._make_ceiling(spec, configuration.step, configuration.device)
        assert isinstance(spec, OwnLoaderSpec)
        source = open_source(self.target, dict(spec.params))
        pipeline, prepared_s = self._make_pipeline(source, spec, configuration.device)
        pipeline = pipeline.with_host_loader(limit_epochs(pipeline.host_loader, self.batches))
        watch = LoaderWatch(pipeline.host_loader, source, spec.facts)
        # The repetition is for the loader: a step might change the batches that it gets.
        step = make_own_step("none" if in_full else configuration.step, configuration.device)
        return Training(
            pipeline,
            step,
            watch.count,
            watch.make_inspector(in_full=in_full) if trial.audited else None,
            explain=watch.explain,
            prepared_s=prepared_s,
        )

    def _make_pipeline(self, source: Any, spec: OwnLoaderSpec, device: str) -> tuple[Pipeline, float]:
        """Return the loader, and the seconds of building that was done once for all trials."""
        if not isinstance(spec, InMemory):
            return spec.pipeline(source, device=device), 0.0
        samples, decode_s = self.store.load(source, spec)
        return spec.pipeline(source, device=device, samples=samples), decode_s

    def prepare(
        self,
        spec: Any,
        progress: Callable[[int, int], None] | None = None,
        within_s: float | None = None,
    ) -> None:
        """Decode the samples that `in_memory` keeps, once for all trials.

        Raises:
            DataError: they can't be decoded.
        """
        if isinstance(spec, InMemory):
            self.store.fill(self.target, spec, progress, within_s)

    def _make_ceiling(self, spec: OwnStepCeiling, step: str, device: str) -> Training:
        """Make the step, and captured batches that lie on its device."""
        captured = self._capture(spec)
        # The output of a trial goes to trials.log.
        sys.stdout.write(f"{captured}\n")
        if device != "cpu":
            captured = captured.map(partial(move, device=device))
        return Training(Pipeline(captured), make_own_step(step, device), count_samples, None)

    def _capture(self, spec: OwnStepCeiling) -> CapturedBatches:
        """Capture batches of the user's loader, which has no workers for that."""
        loader: Any = open_source(self.target, spec.params)
        if isinstance(loader, DataLoader):
            loader = copy_with(loader, DataLoaderSettings(spec.batch_size))
        loader = limit_epochs(loader, self.batches)
        # A loader without a length was run through when it was inspected, unless its epochs are limited.
        known = [number for number in (spec.batches, self.batches) if number is not None]
        count = find_length(loader) or min(known, default=None)
        return capture(loader, count, spec.most_bytes)

    def probe(self, probe: Probe) -> Iterator[Any]:
        """Look into the loading of the user's own loader, in the probe's own process."""
        return probe_training(self, probe)

    def estimate_requirements(self, loaders: Sequence[LoaderSettings], *, num_threads: int) -> Requirements:
        """Estimate the most that any of some loaders of these batches takes of the machine."""
        return estimate_for_batches(loaders, self.facts.batch_bytes, num_threads=num_threads)

    def make_audit(self) -> OwnAudit:
        """Return the audit: by content, by index or by count, whichever the loader allows."""
        return OwnAudit(self.facts, self.batches)

    def make_code(self, spec: OwnLoaderSpec) -> list[str]:
        """Return the lines of code that make a configuration."""
        return make_own_code(self.target, self.facts.kind, spec)
