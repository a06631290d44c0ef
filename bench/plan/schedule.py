"""Schedule: the repetitions of a sweep, and the runs of each block."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from bench.plan import ceilings
from bench.plan.configuration import Configuration
from bench.plan.plan import Plan


@dataclass(frozen=True)
class ScheduledRun:
    """A configuration of the plan, or a ceiling, as each block runs it.

    Attributes:
        configuration: the loader and its consumer.
        number: its number in its file.
        baseline: number of the configuration that it is compared with.
        epochs: fewest epochs of a trial.
        bounds: for a ceiling, the numbers of the configurations that it bounds; None for a configuration.
    """

    configuration: Configuration
    number: int
    baseline: int
    epochs: int
    bounds: frozenset[int] | None = None


@dataclass(frozen=True)
class Schedule:
    """Repetitions and order of a sweep.

    Attributes:
        blocks: blocks that hold every configuration.
        epochs: fewest epochs of a trial.
        seed: seed of the order of trials and of samples.
        precision: share that the intervals of the contenders may reach to each side. More blocks of them
            follow until they do. None for no further blocks.
        learning_rate: learning rate of the train step; None for the loss's own.
        steady_s: seconds that the epochs after the first of a trial must last together. A loader with short
            epochs runs more of them.
    """

    blocks: int
    epochs: int
    seed: int
    precision: float | None = None
    learning_rate: float | None = None
    steady_s: float = 0.0

    def limit_epochs(self, most: int) -> Schedule:
        """Return a copy for trials that can't have more than a number of epochs."""
        return self if self.epochs < most else replace(self, epochs=most, steady_s=0.0)


def schedule_runs(
    plan: Plan, bounds: Mapping[Configuration, frozenset[int]], epochs: int
) -> list[ScheduledRun]:
    """List the runs of a block: the configurations that can run here, and the ceilings that bound them.

    Args:
        plan: the plan of the sweep.
        bounds: the ceilings, each with the numbers of the configurations that it bounds.
        epochs: fewest epochs of a trial of a configuration.
    """
    configurations = [
        ScheduledRun(configuration, number, plan.baselines[number], epochs)
        for number, configuration in enumerate(plan.configurations)
        if number not in plan.unavailable
    ]
    return configurations + [
        ScheduledRun(ceiling, number, number, ceilings.count_ceiling_epochs(ceiling, epochs), bounded)
        for number, (ceiling, bounded) in enumerate(bounds.items())
    ]


def name_runs(runs: Sequence[ScheduledRun], names: Sequence[str]) -> list[str]:
    """Name the runs of a block.

    Args:
        runs: the runs of a block.
        names: the name of each configuration of the plan.

    Returns:
        For a ceiling, a name such as `ceiling: step (batch_size=256)`, or `ceiling: step`.
    """
    ceiling_cells = [run.configuration.cells() for run in runs if run.bounds is not None]
    return [
        names[run.number] if run.bounds is None else _name_ceiling(run.configuration.cells(), ceiling_cells)
        for run in runs
    ]


def _name_ceiling(cells: Mapping[str, str], others: Sequence[Mapping[str, str]]) -> str:
    """Name a ceiling by its batch size, and by whatever else tells it from others of its kind."""
    alike = [other for other in others if other["family"] == cells["family"]]
    varied = {name for name in cells if len({other.get(name, "") for other in alike}) > 1}
    told = [
        f"{name}={cell}"
        for name, cell in cells.items()
        if cell not in ("", "none") and (name == "batch_size" or name in varied)
    ]
    name = f"ceiling: {cells['family'].removesuffix('_ceiling')}"
    return f"{name} ({' '.join(told)})" if told else name
