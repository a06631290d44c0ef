"""Plant: a training with a planted cause, as a user's own loader or script."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from bench.plan.request import Request
from bench.plan.schedule import Schedule
from bench.plan.sweep_options import SweepOptions
from bench.validation.diagnosis.epoch_plan import BATCH_SIZE, EpochPlan
from bench.validation.diagnosis.machine_costs import MachineCosts
from bench.validation.diagnosis.truth import Truth
from bench.validation.own_case import FOLDER
from bench.workloads.script.script_file import SCRIPT_STEP
from bench.workloads.target.own_steps import name_length
from loaders.spec.own_loader_spec import PARAM

LOADER = f"{FOLDER / 'planted.py'}:make_planted"
BUSY_STEP = f"{FOLDER / 'planted.py'}:make_busy_step"
THREADED_STEP = f"{FOLDER / 'planted.py'}:make_threaded_step"
# The loader family of planted pictures.
PICTURES = "torch_dataloader"
SCRIPT = str(FOLDER / "planted_script.py")
TIMEOUT_S = 60.0
# As in the command: a cold one, and a steady one.
EPOCHS = 2


@dataclass(frozen=True)
class Plant:
    """A training with a planted cause.

    Attributes:
        name: its name on the command line.
        description: the plan, in words.
        plan: its planned times.
        truth: what bounds it.
        is_script: whether it is a script; else an own loader, or pictures.
        has_pictures: whether it is a loader of pictures, as those of Fashion-MNIST, with a step of its own.
        has_neighbour: whether another process takes one of the two cores meanwhile.
    """

    name: str
    description: str
    plan: EpochPlan
    truth: Truth
    is_script: bool = False
    has_neighbour: bool = False
    has_pictures: bool = False

    @property
    def true_share(self) -> float:
        """The share of the epoch that the planted cause costs, by the plan."""
        return self.truth.find_share(self.plan, is_script=self.is_script)

    @property
    def stage(self) -> str:
        """Name of the slow transform, where that is the cause; else an empty text."""
        return self.truth.name_stage(self.plan)

    def calibrate(self, costs: MachineCosts) -> Plant:
        """Return a copy whose plan has what workers and pipes cost on this machine."""
        plan = replace(self.plan, worker_ms=costs.worker_ms, pipe_ms=costs.pipe_ms)
        if plan.context:
            plan = replace(plan, import_ms=costs.import_ms)
        if plan.step_threaded:
            plan = replace(plan, step_ms=costs.threaded_step_ms, crowd_ms=costs.crowd_ms)
        return replace(self, plan=plan)

    def make_options(self, blocks: int, out: Path) -> SweepOptions:
        """Return the options that explain it.

        Args:
            blocks: number of blocks.
            out: folder of the results.
        """
        if self.has_pictures:
            return self._make_picture_options(blocks, out)
        arguments = self.plan.list_arguments()
        words = []
        if self.is_script:
            arguments["step_ms"] = self.plan.step_ms
            arguments["step_busy"] = self.plan.step_busy
            arguments["step_threaded"] = self.plan.step_threaded
            for name, value in arguments.items():
                # A script's switches are 0 and 1.
                told = int(value) if isinstance(value, bool) else value
                words += [f"--{name.replace('_', '-')}", str(told)]
        else:
            # The stand-in of a transfer is no part of the loader.
            arguments.pop("transfer_ms", None)
        params = {} if self.is_script else {f"{PARAM}{name}": (value,) for name, value in arguments.items()}
        return SweepOptions(
            request=Request(knobs=params, step=(self._name_step(),), single=True),  # type: ignore[arg-type]
            schedule=Schedule(blocks=blocks, epochs=EPOCHS, seed=0),
            timeout_s=TIMEOUT_S,
            out=out,
            name="diagnosis",
            target=SCRIPT if self.is_script else LOADER,
            script_args=tuple(words),
        )

    def _make_picture_options(self, blocks: int, out: Path) -> SweepOptions:
        plan = self.plan
        knobs = {
            "batch_size": (BATCH_SIZE,),
            "num_workers": (plan.num_workers,),
            "prefetch_factor": (plan.prefetch_factor,),
            "persistent_workers": (plan.persistent,),
        }
        return SweepOptions(
            # Several threads of so short a step would be a cause of their own.
            request=Request(family=(PICTURES,), knobs=knobs, num_threads=(1,), single=True),
            schedule=Schedule(blocks=blocks, epochs=EPOCHS, seed=0),
            dataset=f"synthetic:{plan.batches * BATCH_SIZE}",
            data_dir=out.parent,
            timeout_s=TIMEOUT_S,
            out=out,
            name="diagnosis",
        )

    def _name_step(self) -> str:
        """Return the step, as the column `step` holds it."""
        if self.is_script:
            return SCRIPT_STEP
        if self.plan.step_threaded:
            return THREADED_STEP
        return BUSY_STEP if self.plan.step_busy else name_length(self.plan.step_ms)
