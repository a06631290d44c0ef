"""InProcessTuning: a tuning by tune_loader beside what was planned."""

from __future__ import annotations

import time
from dataclasses import asdict, dataclass
from typing import Any, ClassVar

from torch.utils.data import DataLoader

from bench.analysis.tuning.outcome import Verdict
from bench.machine.cpu_checks import count_usable_cores
from bench.runner.in_process.in_process_lab import Budget
from bench.runner.in_process.remembered import Remembered
from bench.runner.in_process.settings_grid import list_settings
from bench.runner.in_process.tune_in_process import tune_in_process
from bench.runner.in_process.tuning_order import TuningOrder
from bench.validation.targets import tuned
from bench.validation.tuning.judged_tuning import PLAN_ERROR, JudgedTuning
from bench.validation.tuning.planted_loader import PlantedLoader
from loaders.spec.turn_knobs import read_settings


@dataclass(frozen=True)
class InProcessTuning(JudgedTuning):
    """A tuning by tune_loader beside what was planned.

    Attributes:
        plant: name of the loader.
        run: number of the run.
        verdict: what the tuning says of a gain.
        chosen: settings that differ from the given ones; empty where the loader stays as given.
        regret: by how much of its planned throughput the best exceeds the chosen one, as a share.
        true_gain: planned throughput of the chosen settings over that of the given ones.
        gain: the quoted gain; None where the loader stays as given.
        gain_low: lower end of its interval.
        gain_high: upper end of its interval.
        tried: number of settings that were tried.
        seconds: time of the tuning.
        budget_s: time that it was given.
        reason: why nothing could be tuned; empty where something was.
    """

    truth_error: ClassVar[float] = PLAN_ERROR

    plant: str
    run: int
    verdict: Verdict
    chosen: str
    regret: float
    true_gain: float
    gain: float | None
    gain_low: float | None
    gain_high: float | None
    tried: int
    seconds: float
    budget_s: float
    reason: str


def tune_planted_loader(plant: PlantedLoader, run: int) -> InProcessTuning:
    """Tune a planted loader in this process as tune_loader does, and compare the result with the plan.

    Args:
        plant: the loader.
        run: number of the run.
    """
    loader: DataLoader[Any] = getattr(tuned, plant.function)()
    cores = max(1, int(count_usable_cores()))

    def step(batch: Any) -> None:
        del batch
        time.sleep(plant.step_ms * 1e-3)

    order = TuningOrder(Budget(plant.budget_s, time.monotonic()), cores, step, plant.knobs)
    return compare_with_plan(plant, run, loader, tune_in_process(loader, order))


def compare_with_plan(
    plant: PlantedLoader, run: int, loader: DataLoader[Any], result: Remembered
) -> InProcessTuning:
    """Return a result beside what was planned. The start of workers counts nothing in these plans.

    Args:
        plant: the loader.
        run: number of the run.
        loader: the loader as given.
        result: what was found.
    """

    def plan(settings: dict[str, Any]) -> float:
        return plant.plan_epoch({name: str(value) for name, value in settings.items()}, 0.0)

    given = asdict(read_settings(loader))
    best_s = min(plan(asdict(one)) for one in list_settings(loader, 1, plant.knobs, has_step=True))
    given_s, chosen_s = plan(given), plan({**given, **result.settings})
    gain, low, high = result.gain or (None, None, None)
    return InProcessTuning(
        plant=plant.name,
        run=run,
        verdict=result.verdict,
        chosen=" ".join(f"{name}={value}" for name, value in result.settings.items()),
        regret=chosen_s / best_s - 1,
        true_gain=given_s / chosen_s,
        gain=gain,
        gain_low=low,
        gain_high=high,
        tried=result.tried,
        seconds=result.seconds,
        budget_s=result.budget_s,
        reason=result.reason,
    )
