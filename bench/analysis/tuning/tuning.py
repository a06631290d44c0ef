"""Tuning: what a tuning has found, with all that its reports need. Reading it needs no torch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from bench.analysis.device_busy import DeviceBusy
from bench.analysis.statistics import Estimate
from bench.analysis.tuning.outcome import Outcome
from bench.plan.infeasible import Infeasible
from loaders.spec.loader_call import LoaderCall


@dataclass(frozen=True)
class Candidate:
    """A configuration of the search space.

    Attributes:
        name: name that tells it from the others, such as `num_workers=2 num_threads=1`.
        cells: its settings as the results write them.
        changes: settings that differ from the present configuration's, by their names on the command line.
        processes: number of its processes, the training process included.
    """

    name: str
    cells: Mapping[str, str]
    changes: Mapping[str, str]
    processes: int


@dataclass(frozen=True)
class StageFacts:
    """One part of a tuning.

    Attributes:
        stage: `probe`, `screen`, `race`, `confirm` or `exhaustive`.
        trials: number of trials.
        seconds: time that it took.
        batches: number of batches of an epoch of its trials; None where it isn't known.
        is_whole: whether such an epoch is one of the training.
        far_batches: fewest batches of an epoch of a configuration that is far slower than the fastest; None
            where all have as many.
    """

    stage: str
    trials: int
    seconds: float
    batches: int | None = None
    is_whole: bool = False
    far_batches: int | None = None


@dataclass(frozen=True)
class Exhaustive:
    """The whole grid, measured after the tuning.

    Attributes:
        blocks: number of blocks.
        seconds: time that it took.
        configurations: number of configurations that it measured.
        best: number of the fastest one.
        regret: by how much of its throughput the fastest exceeds the chosen one, as a share. The fastest is
            chosen by one half of the blocks and judged by the other, as a maximum over noise is inflated.
        present_gain: throughput of the fastest over the present one, judged in the same way.
        time_share: time of the tuning over that of the whole grid.
    """

    blocks: int
    seconds: float
    configurations: int
    best: int
    regret: float
    present_gain: float
    time_share: float


@dataclass(frozen=True)
class Tuning:
    """Findings of a tuning.

    Attributes:
        name: name of the workload, such as `train.py:train_loader`.
        device: `cpu` or `cuda`.
        step: the step: `none`, `script`, `12ms`, or its name.
        cores: cores that the processes may use.
        candidates: the configurations of the search space that fit into the machine. 0 is the present one.
        infeasible: configurations that were left out since they don't fit.
        outcome: the choice, in numbers of candidates.
        regret: regret that was asked for, as a share.
        confidence: probability with which the fastest raced configuration is in the tie set, and a bound on
            the regret holds.
        stages: the parts of the tuning, in order.
        ceiling_share: throughput of the chosen configuration over that of the step alone, in the same fresh
            blocks; None where there is no step or no such block.
        code: lines to paste that make the chosen configuration.
        cautions: what must be known before the figures are used, one sentence each.
        interrupted: whether the user ended it early.
        problem: error that ended it early, in one line; empty for none.
        loader_call: call in the user's file that made the DataLoader; None where it isn't known.
        exhaustive: the whole grid, where that was asked for.
        gpu: name of the GPU that was measured on; empty without one.
        busy: how busy the GPU is with the chosen configuration, in its fresh blocks; None where nothing was
            timed on one.
        present_busy: the same of the present configuration.
    """

    name: str
    device: str
    step: str
    cores: float
    candidates: tuple[Candidate, ...]
    infeasible: tuple[Infeasible, ...]
    outcome: Outcome
    regret: float
    confidence: float
    stages: tuple[StageFacts, ...]
    ceiling_share: Estimate | None = None
    code: tuple[str, ...] = ()
    cautions: tuple[str, ...] = ()
    interrupted: bool = False
    problem: str = ""
    loader_call: LoaderCall | None = None
    exhaustive: Exhaustive | None = None
    gpu: str = ""
    busy: DeviceBusy | None = None
    present_busy: DeviceBusy | None = None

    @property
    def chosen(self) -> Candidate:
        """The configuration to use; the present one where nothing is shown to be faster."""
        return self.candidates[self.outcome.chosen]

    @property
    def present(self) -> Candidate:
        """The configuration that the user has."""
        return self.candidates[0]

    @property
    def gain(self) -> Estimate | None:
        """Gain of the chosen configuration over the present one in fresh blocks; None without such blocks."""
        confirmed = self.outcome.confirmed.get(self.outcome.chosen)
        return None if confirmed is None else confirmed.gain

    @property
    def ended_early(self) -> bool:
        """True if the user or an error ended it."""
        return self.interrupted or bool(self.problem)

    @property
    def trials(self) -> int:
        """Number of all trials."""
        return sum(stage.trials for stage in self.stages)

    @property
    def seconds(self) -> float:
        """Time that the tuning took, without the whole grid."""
        return sum(stage.seconds for stage in self.stages if stage.stage != "exhaustive")
