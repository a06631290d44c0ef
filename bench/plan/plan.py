"""Plan: the configurations of a sweep, and the comparisons between them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from bench.plan.configuration import Configuration


class PlanError(ValueError):
    """A request that no plan can be made of: one line that names the fault and the allowed values."""


@dataclass(frozen=True)
class Plan:
    """Configurations in grid order. The number of a configuration is its place.

    Attributes:
        configurations: configurations of the sweep.
        baselines: for each configuration, the number of the one that it is compared with.
        dropped: names of requested configurations that can't exist, each with the reason.
        unavailable: reasons why configurations can't run on this machine, by their numbers. They get a row
            that names the reason.
        importance: numbers of all configurations, the one that a reader misses most first, where a budget may
            leave out the others altogether; default empty, where each one must be measured.
        only_step_ceilings: whether the step is the only ceiling that is measured; default False.
    """

    configurations: tuple[Configuration, ...]
    baselines: tuple[int, ...]
    dropped: tuple[tuple[str, str], ...]
    unavailable: Mapping[int, str]
    importance: tuple[int, ...] = ()
    only_step_ceilings: bool = False

    def cells(self) -> list[dict[str, str]]:
        """Return the cells that tell configurations apart, one line each, all with the same columns."""
        blank = {"family": "", "device": "", **dict.fromkeys(self.knobs(), "")}
        return [{**blank, **configuration.cells()} for configuration in self.configurations]

    def runnable(self) -> list[Configuration]:
        """Return the configurations that can run on this machine."""
        return [c for number, c in enumerate(self.configurations) if number not in self.unavailable]

    def knobs(self) -> list[str]:
        """Return the names of the loader knobs that any configuration has."""
        return list(dict.fromkeys(name for c in self.configurations for name in c.spec.knobs()))


def plan_against_first(configurations: Iterable[Configuration]) -> Plan:
    """Return the plan of configurations that can all run, each of which is compared with the first one."""
    found = tuple(configurations)
    return Plan(found, (0,) * len(found), (), {})
