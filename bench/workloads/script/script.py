"""Script: a training script as it is, of which one DataLoader is varied."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, ClassVar

from bench.machine.requirements import LoaderSettings, Requirements, estimate_for_batches
from bench.plan.ceiling_loaders import OwnStepCeiling
from bench.process.child import Push
from bench.records.delivered_pictures import DeliveredPictures
from bench.trial.epoch_report import EpochReport
from bench.trial.probe import Probe
from bench.trial.trial import Trial
from bench.trial.workload import Workload
from bench.workloads.audit.own_audit import OwnAudit
from bench.workloads.script.script_epochs import ScriptEpochs
from bench.workloads.script.script_feed import Feed, ScriptFeed
from bench.workloads.script.script_file import ScriptFile
from bench.workloads.script.script_ladder import ScriptLadder
from bench.workloads.script.script_replay import ReplayFeed
from bench.workloads.script.script_tally import FoundLoader
from bench.workloads.script.script_trace import TraceReporter
from bench.workloads.script.script_trial import TrialReporter
from bench.workloads.script.trainer_code import write_trainer_call
from loaders.data.dataset_ref import FileStamp
from loaders.families.dataloader import OwnDataLoader
from loaders.spec.source_facts import DataLoaderSettings


@dataclass(frozen=True)
class Script(Workload):
    """A training script as it is, of which one DataLoader is varied.

    Attributes:
        script: the script, with its arguments.
        picked: the DataLoader that is varied.
        fingerprint: SHA-256 in hex over the script and the modules that it imports.
        stamps: these files, with size and time.
        batches: number of batches after which an epoch ends; None for the script's own end.
        epochs: number of epochs that the script has; None where it has at least two.
    """

    # A script may take minutes to get to its first batch, and its audit needs no repetition.
    is_repeatable: ClassVar[bool] = False
    has_device_pass: ClassVar[bool] = False

    script: ScriptFile
    picked: FoundLoader
    fingerprint: str
    stamps: tuple[FileStamp, ...] = ()
    batches: int | None = None
    epochs: int | None = None

    @property
    def name(self) -> str:
        """The script as it was given."""
        return self.script.text

    @property
    def digest(self) -> str:
        """The fingerprint of the script and its modules."""
        return self.fingerprint

    @property
    def samples(self) -> int | None:
        """Samples in an epoch; None where it isn't known."""
        return self.picked.facts.samples

    @property
    def pictures(self) -> DeliveredPictures | None:
        """A few samples of the script's first run."""
        return self.picked.pictures

    @property
    def most_epochs(self) -> int | None:
        """The number of epochs that the script has; None where it has at least two."""
        return self.epochs

    def find_changed(self) -> Path | None:
        """Return the first of the script's files that was written to since the sweep began; None for none."""
        return next((stamp.path for stamp in self.stamps if FileStamp.of(stamp.path) != stamp), None)

    def run(self, trial: Trial) -> ScriptEpochs[EpochReport]:
        """Prepare to run the script in this process; it sends a report of each epoch."""
        feed = self._make_feed(trial.configuration.spec, trial.epochs)
        threads = trial.configuration.num_threads
        return ScriptEpochs(
            self.script, feed, TrialReporter(trial, feed), num_threads=threads, seed=trial.seed
        )

    def probe(self, probe: Probe) -> Push[Any]:
        """Prepare to run the script in this process; it sends a trace of each epoch, or a ladder."""
        feed = self._make_feed(probe.configuration.spec, probe.epochs)
        if probe.kind == "ladder":
            return ScriptLadder(self.script, feed, probe)
        threads = probe.configuration.num_threads
        return ScriptEpochs(
            self.script, feed, TraceReporter(probe.epochs), num_threads=threads, seed=probe.seed
        )

    def repeat(self, trial: Trial) -> Iterator[Any]:
        """Refuse: a script isn't repeated for its audit."""
        raise NotImplementedError(f"{self.name} isn't repeated for the audit of {trial.configuration}")

    def make_audit(self) -> OwnAudit:
        """Return the audit by index, or by count."""
        return OwnAudit(self.picked.facts, self.batches)

    def make_code(self, spec: OwnDataLoader) -> list[str]:
        """Return the lines of code that make a configuration."""
        changes = spec.describe_changes()
        if not changes:
            return [f"# keep {self.name} as it is"]
        call = f"DataLoader(..., {', '.join(changes)})"
        if self.picked.by_trainer:
            call = write_trainer_call(changes)
        return [f"# {self.name}, the DataLoader over {self.picked.name}, with:", call]

    def estimate_requirements(self, loaders: Sequence[LoaderSettings], *, num_threads: int) -> Requirements:
        """Estimate the most that any of some loaders of these batches takes of the machine."""
        return estimate_for_batches(loaders, self.picked.facts.batch_bytes, num_threads=num_threads)

    def _make_feed(self, spec: Any, epochs: int) -> Feed:
        """Return what the picked DataLoader delivers with these knobs, in so many epochs at least."""
        if self.epochs is not None:
            epochs = min(epochs, self.epochs)
        if isinstance(spec, OwnStepCeiling):
            settings = DataLoaderSettings(spec.batch_size)
            return ReplayFeed(self.picked, settings, self.batches, epochs, most_bytes=spec.most_bytes)
        assert isinstance(spec, OwnDataLoader)
        settings = DataLoaderSettings(**{f.name: getattr(spec, f.name) for f in fields(DataLoaderSettings)})
        return ScriptFeed(self.picked, settings, self.batches, epochs)
