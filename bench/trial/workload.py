"""Workload: what is trained."""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Protocol

import torch

from bench.machine.requirements import LoaderSettings, Requirements
from bench.process.child import Push
from bench.process.errors import ExplainedError
from bench.records.delivered_pictures import DeliveredPictures
from bench.trial.audit_result import AuditResult
from bench.trial.device_pass import TimedStep, set_span
from bench.trial.epoch_meter import EpochMeter
from bench.trial.epoch_report import EpochReport
from bench.trial.inspected_step import InspectedStep
from bench.trial.measure import Consumer
from bench.trial.sample_pictures import PictureKeeper
from bench.trial.training import Training
from loaders.device.device import no_span

if TYPE_CHECKING:
    from bench.trial.probe import Probe
    from bench.trial.trial import Trial


class EpochAudit(Protocol):
    """Judges the epochs of a workload, in the process that starts the trials."""

    def audit(self, trial: Trial, observation: Any) -> AuditResult:
        """Audit one epoch.

        Args:
            trial: the trial that the epoch belongs to.
            observation: what the trial's inspector saw of it.

        Raises:
            AuditError: the epoch did not deliver the data.
        """


class Workload(ABC):
    """Data to train on, with the loaders and the steps that serve it.

    A workload is small, hashable, and can be sent to another process. Everything heavy happens in `run` and
    `repeat`, in the trial's process, or in the audit, in the sweep's.

    Attributes:
        is_repeatable: class attribute: whether its epochs can be run once more for their audit.
        most_repeated: class attribute: number of the first epochs of a trial that are run once more at most;
            None for all.
        has_device_pass: class attribute: whether an epoch can be timed on a CUDA device beside the others.
    """

    is_repeatable: ClassVar[bool] = True
    most_repeated: ClassVar[int | None] = None
    has_device_pass: ClassVar[bool] = True

    @property
    @abstractmethod
    def name(self) -> str:
        """The name, as the column `dataset` holds it."""

    @property
    @abstractmethod
    def digest(self) -> str:
        """A fingerprint in hex: another one means other data or another program."""

    def find_changed(self) -> Path | None:
        """Return the first file that has changed since the sweep began; None where none has."""
        return None

    @property
    def samples(self) -> int | None:
        """Samples in an epoch; None where it isn't known."""
        return None

    @property
    def class_names(self) -> Sequence[str]:
        """Names of the samples' classes, by their numbers; none where they aren't known."""
        return ()

    @property
    def pictures(self) -> DeliveredPictures | None:
        """A few samples, where they were seen before the sweep; None for none."""
        return None

    @property
    def most_epochs(self) -> int | None:
        """The most epochs that a trial can have; None for any number."""
        return None

    @abstractmethod
    def run(self, trial: Trial) -> Iterator[EpochReport] | Push[EpochReport]:
        """Measure one epoch of a trial after another, in the trial's process, until the caller has enough."""

    @abstractmethod
    def repeat(self, trial: Trial) -> Iterator[Any]:
        """Run the same epochs once more, off the clock, inspect every batch, and yield what was seen.

        The same seed makes the same order, so the observations hold for the epochs that were timed.
        """

    def probe(self, probe: Probe) -> Iterator[Any] | Push[Any]:
        """Look into a configuration's loading, in the probe's own process.

        Args:
            probe: says what to look at.

        Returns:
            BatchTraces for a `trace`; RungTimes, MissingRungs and a PickleCost for a `ladder`.

        Raises:
            NotImplementedError: the inside of this workload's loading isn't looked into.
        """
        raise NotImplementedError(f"{self.name}: no {probe.kind}")

    @abstractmethod
    def make_audit(self) -> EpochAudit:
        """Return the judge of this workload's epochs."""

    @abstractmethod
    def make_code(self, spec: Any) -> list[str]:
        """Return the lines of code that make a configuration's loader.

        Args:
            spec: its loader.
        """

    @abstractmethod
    def estimate_requirements(self, loaders: Sequence[LoaderSettings], *, num_threads: int) -> Requirements:
        """Estimate the most that any of some loaders takes of the machine. One runs at a time.

        Args:
            loaders: settings of the loaders.
            num_threads: largest number of torch's threads.
        """

    def prepare(
        self,
        spec: Any,
        progress: Callable[[int, int], None] | None = None,
        within_s: float | None = None,
    ) -> None:
        """Make the files that a loader needs beside the data, or check them.

        Args:
            spec: the loader.
            progress: called with the samples done and all samples; default None.
            within_s: seconds that a user's own code may take for that; default None for no such limit.

        Raises:
            DataError: they can't be made.
        """
        del spec, progress, within_s


class TrainingWorkload(Workload):
    """A workload whose loader and step are made by this program, which also runs the loop over them."""

    @abstractmethod
    def make_training(self, trial: Trial, *, in_full: bool = False) -> Training:
        """Build the loader and the step of a trial, and what inspects their batches.

        It is called in the trial's process, with torch's threads and seed set.

        Args:
            trial: the trial.
            in_full: whether every batch is inspected in whole, off the clock; else within a small share of
                the epoch's time.
        """

    def run(self, trial: Trial) -> Iterator[EpochReport]:
        """Build the loader and the step, and measure one epoch after another.

        Each epoch is inspected within a small share of its time.
        """
        began_s = time.perf_counter()
        training = self.prepare_training(trial)
        with explain_failures(training):
            yield from self._measure_epochs(trial, training, began_s)

    def _measure_epochs(self, trial: Trial, training: Training, began_s: float) -> Iterator[EpochReport]:
        build_s: float | None = time.perf_counter() - began_s + training.prepared_s
        meter = EpochMeter(training, cuda=trial.on_cuda)
        inspector = training.inspector
        walls_ns: list[int] = []
        while True:
            if trial.has_device_pass and trial.is_done(walls_ns):
                yield _measure_on_device(trial, training, meter)
            if inspector is not None:
                inspector.start_over()
            report = meter.measure(inspector=inspector if training.has_final_form else None)
            timings = report.timings
            walls_ns.append(timings.wall_ns)
            observation = inspector.observe(timings.batches, timings.samples) if inspector else None
            yield replace(report, observation=observation, build_s=build_s)
            build_s = None

    def repeat(self, trial: Trial) -> Iterator[Any]:
        """Run the same epochs once more, off the clock, and yield what was seen of every batch."""
        training = self.prepare_training(trial, in_full=True)
        inspector = training.inspector
        if inspector is None:
            raise ValueError("a trial that isn't audited can't be repeated for its audit")
        keeper = PictureKeeper()

        def inspect(batch: Any) -> None:
            keeper(batch)
            inspector(batch, 1)

        # The step's batch is inspected, as it may be finished on the device only.
        consumer = InspectedStep(training.step, inspect)
        meter = EpochMeter(training, cuda=trial.on_cuda)
        with explain_failures(training):
            while True:
                inspector.start_over()
                timings = meter.measure(consumer).timings
                yield keeper.attach_to(inspector.observe(timings.batches, timings.samples))

    def prepare_training(self, trial: Trial, *, in_full: bool = False) -> Training:
        """Set torch's threads and seed, and build the loader and the step of a trial in this process."""
        torch.set_num_threads(trial.configuration.num_threads)
        torch.manual_seed(trial.seed)
        return self.make_training(trial, in_full=in_full)


@contextmanager
def explain_failures(training: Training) -> Iterator[None]:
    """Raise an error that says its cause in place of one whose cause the training knows.

    Raises:
        ExplainedError: the cause is known.
    """
    try:
        yield
    except Exception as error:
        cause = None if training.explain is None else training.explain(error)
        if cause is None:
            raise
        raise ExplainedError(cause) from error


def _measure_on_device(trial: Trial, training: Training, meter: EpochMeter) -> EpochReport:
    """Measure one epoch with CUDA events, and inspect it on the device."""
    timer = trial.make_timer()
    step, pipeline = training.step, training.pipeline
    consumer: Consumer = TimedStep(step, timer)
    inspector = None
    if training.make_device_inspector is not None:
        inspector = training.make_device_inspector()
        consumer = InspectedStep(consumer, inspector)
    set_span(pipeline, step, timer.span)
    report = meter.measure(consumer)
    set_span(pipeline, step, no_span)
    timings = report.timings
    observation = inspector.observe(timings.batches, timings.samples) if inspector else None
    return replace(report, observation=observation, on_device=timer.read_seconds())
