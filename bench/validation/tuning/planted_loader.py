"""PlantedLoader: a loader whose best setting is known, which a real tuning has to find."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from bench.plan.request import Request
from bench.plan.schedule import Schedule
from bench.plan.sweep_options import SweepOptions
from bench.plan.tune_options import TuneOptions
from bench.validation.own_case import FOLDER
from bench.workloads.target.own_steps import name_length
from loaders.spec.knobs import Value

FILE = FOLDER / "tuned.py"
# A loader in memory would be faster than all others.
DATALOADER = "dataloader"
TIMEOUT_S = 60.0
# A cold one, and one that counts.
EPOCHS = 2
# Seconds of an epoch by the settings of a configuration and the milliseconds of starting and ending a worker.
PlanEpoch = Callable[[Mapping[str, str], float], float]


@dataclass(frozen=True)
class PlantedLoader:
    """A loader whose best setting is known.

    Attributes:
        name: its name on the command line.
        function: function of tuned.py that makes the loader.
        knobs: values of the knobs that are tried.
        budget_s: budget of a tuning in seconds.
        plan_epoch: returns the planned seconds of a later epoch.
        step_ms: milliseconds of the step, which waits; 0 for none.
        is_equal: whether all configurations are the same, for an A/A.
    """

    name: str
    function: str
    knobs: Mapping[str, tuple[Value, ...]]
    budget_s: float
    plan_epoch: PlanEpoch
    step_ms: float = 0.0
    is_equal: bool = False

    def make_options(self, out: Path, seed: int) -> TuneOptions:
        """Return the order that tunes it.

        Args:
            out: folder of the results.
            seed: seed of all orders.
        """
        step = name_length(self.step_ms) if self.step_ms else "none"
        return TuneOptions(
            SweepOptions(
                request=Request(family=(DATALOADER,), knobs=self.knobs, step=(step,), device=("cpu",)),
                schedule=Schedule(blocks=1, epochs=EPOCHS, seed=seed),
                budget_s=self.budget_s,
                timeout_s=TIMEOUT_S,
                out=out,
                name="tune",
                target=f"{FILE}:{self.function}",
            )
        )
