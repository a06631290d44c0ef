"""PictureCase: a loader of pictures with planned costs, or one that cheats."""

from __future__ import annotations

from dataclasses import KW_ONLY, dataclass
from pathlib import Path

from bench.plan.configuration import Configuration
from bench.validation.fixed_cost_kernels import FixedCostKernelWorkload
from bench.validation.fixed_cost_loaders import CLASSES, read_random_split
from bench.validation.fixed_cost_steps import FixedCostWorkload, PausingTrial
from bench.validation.validation_case import ValidationCase
from loaders.data.dataset_ref import DatasetRef
from loaders.spec.loader_spec import LoaderSpec


@dataclass(frozen=True)
class PictureCase(ValidationCase):
    """A loader of pictures and a step with planned costs, or a loader that cheats.

    Attributes:
        spec: the loader.
        samples: number of samples in the dataset.
        step_s: length of the train step, in seconds.
        pause_s: time that the trial sleeps between epochs, in seconds.
    """

    spec: LoaderSpec
    samples: int
    _: KW_ONLY
    step_s: float = 0.0
    pause_s: float = 0.0

    def workload(self) -> FixedCostWorkload:
        """Return the step over the random samples that the case loads."""
        kind = FixedCostKernelWorkload if self.device == "cuda" else FixedCostWorkload
        dataset = DatasetRef(f"random:{self.samples}", "0" * 64, Path(), CLASSES, read_random_split)
        return kind(dataset, step_s=self.step_s)

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
