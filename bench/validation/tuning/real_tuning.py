"""RealTuning: a tuning of real processes beside what was planned."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from bench.analysis.tuning.outcome import Stop, Verdict
from bench.analysis.tuning.tuning import Tuning
from bench.plan.tune_options import TuneOptions
from bench.process.errors import ExplainedError
from bench.report.progress.sweep_observer import SweepObserver
from bench.runner.tuning.tune_session import measure_tuning
from bench.text import describe_error
from bench.validation.tuning.judged_tuning import PLAN_ERROR, JudgedTuning
from bench.validation.tuning.landscape import TIE
from bench.validation.tuning.planted_loader import PlantedLoader
from bench.workloads.choice import choose_workload


class NotTunedError(ExplainedError):
    """A loader that wasn't tuned, in one line."""


@dataclass(frozen=True)
class RealTuning(JudgedTuning):
    """A tuning of real processes beside what was planned.

    Attributes:
        plant: name of the loader.
        run: number of the run.
        verdict: what the tuning says of a gain.
        stop: why its race ended.
        chosen: name of the chosen configuration.
        regret: by how much of its planned throughput the best exceeds the chosen one, as a share.
        leader_regret: the same of the race's leader.
        tied_regret: the same of the best in the tie set.
        true_gain: planned throughput of the chosen configuration over the present one's.
        gain: the quoted gain; None without fresh blocks of the chosen one.
        gain_low: lower end of its interval.
        gain_high: upper end of its interval.
        regret_bound: bound on the regret of the race's leader; None where nothing is said.
        race_blocks: number of blocks of the race.
        trials: number of trials.
        seconds: time of the tuning.
    """

    truth_error: ClassVar[float] = PLAN_ERROR

    plant: str
    run: int
    verdict: Verdict
    stop: Stop
    chosen: str
    regret: float
    leader_regret: float
    tied_regret: float
    true_gain: float
    gain: float | None
    gain_low: float | None
    gain_high: float | None
    regret_bound: float | None
    race_blocks: int
    trials: int
    seconds: float

    @property
    def is_leader_best(self) -> bool:
        """True if the leader of the race is the best, or as good."""
        return self.leader_regret <= TIE

    @property
    def is_bound_broken(self) -> bool:
        """True if the leader's regret exceeds its bound by more than a plan may be wrong."""
        return self.regret_bound is not None and self.leader_regret > self.regret_bound + self.truth_error

    @property
    def is_best_lost(self) -> bool:
        """True if the race dropped the fastest configuration in it, and all that are as good."""
        return self.tied_regret > TIE


def tune_plant(plant: PlantedLoader, run: int, folder: Path, worker_ms: float) -> RealTuning:
    """Tune a planted loader as the command would, and compare the choice with the plan.

    Args:
        plant: the loader.
        run: number of the run, which is the seed of its orders.
        folder: folder of the results.
        worker_ms: milliseconds of starting and ending a worker on this machine.

    Raises:
        NotTunedError: it can't be measured, or a file can't be written.
        PlanError: it can't be measured.
        TargetError: it can't be measured.
        ProcessError: no process can be started.
        KeyboardInterrupt: the user has ended it.
    """
    tuning = run_tuning(plant.make_options(folder, seed=run), plant.name)
    return compare_with_plan(plant, run, tuning, worker_ms)


def run_tuning(options: TuneOptions, name: str) -> Tuning:
    """Tune as the command would, and show nothing.

    Args:
        options: order of the tuning.
        name: what it tunes, for an error.

    Raises:
        NotTunedError: it can't be measured, or a file can't be written.
        PlanError: it can't be measured.
        TargetError: it can't be measured.
        ProcessError: no process can be started.
        KeyboardInterrupt: the user has ended it.
    """
    conclusion = measure_tuning(options, choose_workload(options.order), SweepObserver())
    if conclusion.interrupted:
        raise KeyboardInterrupt
    if conclusion.found is None or conclusion.problems:
        reasons = (conclusion.failure, *map(describe_error, conclusion.problems))
        raise NotTunedError(f"{name}: {next(filter(None, reasons), 'nothing was measured')}")
    return conclusion.found


def compare_with_plan(plant: PlantedLoader, run: int, tuning: Tuning, worker_ms: float) -> RealTuning:
    """Return a tuning beside what was planned.

    Args:
        plant: the loader.
        run: number of the run.
        tuning: what was found.
        worker_ms: milliseconds of starting and ending a worker on this machine.
    """
    outcome, chosen = tuning.outcome, tuning.chosen
    gain = outcome.quoted_gain
    seconds = [plant.plan_epoch(one.cells, worker_ms) for one in tuning.candidates]
    chosen_s = seconds[outcome.chosen]
    return RealTuning(
        plant=plant.name,
        run=run,
        verdict=outcome.verdict,
        stop=outcome.stop,
        chosen=chosen.name,
        regret=chosen_s / min(seconds) - 1,
        leader_regret=seconds[outcome.leader] / min(seconds) - 1,
        tied_regret=min(seconds[number] for number in outcome.tied or (0,)) / min(seconds) - 1,
        true_gain=seconds[0] / chosen_s,
        gain=None if gain is None else gain.median,
        gain_low=None if gain is None else gain.low,
        gain_high=None if gain is None else gain.high,
        regret_bound=outcome.regret_bound,
        race_blocks=outcome.race_blocks,
        trials=tuning.trials,
        seconds=tuning.seconds,
    )
