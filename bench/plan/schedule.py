"""Schedule: how often a sweep repeats what it measures, and the runs of each block."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from bench.plan import ceilings
from bench.plan.configuration import Configuration
from bench.plan.plan import Plan


@dataclass(frozen=True)
class ScheduledRun:
    """A configuration of the plan, or a ceiling, with the number it has in its file.

    bounds: for a ceiling, the configurations that it bounds; None for a configuration.
    """

    configuration: Configuration
    number: int
    baseline: int
    epochs: int
    bounds: frozenset[int] | None = None

    def name(self, names: Sequence[str]) -> str:
        """What to call it, where the configurations of the plan are called so."""
        if self.bounds is None:
            return names[self.number]
        cells = self.configuration.cells()
        told = [f"{name}={cells[name]}" for name in ("batch_size", "resize", "num_threads")]
        return f"ceiling: {cells['family']} {' '.join(told)}"


@dataclass(frozen=True)
class Schedule:
    """How often a sweep repeats what it measures, and in which order.

    blocks: how many hold every configuration. epochs: in each process, at least. steady_s: of a loader whose
    epochs are short, more, until those after the first have lasted that long. precision: go on with the
    contenders until their intervals reach at most this share to each side; None not to go on. learning_rate:
    None for the loss's own.
    """

    blocks: int
    epochs: int
    seed: int
    precision: float | None = None
    learning_rate: float | None = None
    steady_s: float = 0.0


def schedule_runs(
    plan: Plan, bounds: Mapping[Configuration, frozenset[int]], epochs: int
) -> list[ScheduledRun]:
    """What each block holds: the configurations that can run, and the ceilings that bound them."""
    configurations = [
        ScheduledRun(configuration, number, plan.baselines[number], epochs)
        for number, configuration in enumerate(plan.configurations)
        if number not in plan.unavailable
    ]
    return configurations + [
        ScheduledRun(ceiling, number, number, ceilings.CEILING_EPOCHS, bounded)
        for number, (ceiling, bounded) in enumerate(bounds.items())
    ]
