"""ValidationCase: a loader whose costs or faults are planned, and the rows that must come of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from bench.plan.configuration import Configuration
from bench.validation.fixed_cost_kernels import FixedCostKernelWorkload
from bench.validation.fixed_cost_loaders import CLASSES, read_random_split
from bench.validation.fixed_cost_steps import FixedCostWorkload, PausingTrial
from loaders.data.dataset_ref import DatasetRef
from loaders.spec.loader_spec import LoaderSpec


@dataclass(frozen=True)
class ValidationCase:
    """A loader and a step with planned costs, or a loader that cheats.

    Attributes:
        name: the case's name on the command line.
        description: the plan, in words.
        spec: the loader.
        samples: number of samples in the dataset.
        epochs: number of epochs that are measured.
        step_s: length of the train step, in seconds.
        pause_s: time that the trial sleeps between epochs, in seconds.
        readings: planned value of each column, as the median of the steady epochs.
        device: device of the step, `cpu` or `cuda`.
        device_readings: planned value of each column in the epoch that is timed on the GPU.
        error_words: for a cheat, words of which the error must hold one; empty for an honest loader.
        failing_epoch: for a cheat, number of the epoch that must fail.
    """

    name: str
    description: str
    spec: LoaderSpec
    samples: int
    epochs: int = 4
    step_s: float = 0.0
    pause_s: float = 0.0
    readings: Mapping[str, float] = field(default_factory=dict)
    device: str = "cpu"
    device_readings: Mapping[str, float] = field(default_factory=dict)
    error_words: tuple[str, ...] = ()
    failing_epoch: int = 0

    def workload(self) -> FixedCostWorkload:
        """Return the step over the random samples that the case loads."""
        kind = FixedCostKernelWorkload if self.device == "cuda" else FixedCostWorkload
        dataset = DatasetRef(f"random:{self.samples}", "0" * 64, Path(), CLASSES, read_random_split)
        return kind(dataset, self.step_s)

    def trial(self) -> PausingTrial:
        """Return the trial that measures the case."""
        return PausingTrial(
            configuration=Configuration(self.spec, self.device, "none", None, num_threads=1),
            number=0,
            baseline=0,
            block=0,
            position=0,
            workload=self.workload(),
            epochs=self.epochs,
            seed=0,
            pause_s=self.pause_s,
        )
