"""Plan: the configurations of a sweep, and what each is compared with."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from bench.plan.configuration import Configuration


class PlanError(ValueError):
    """A request that no plan can be made of: one line that says what was wrong and what is allowed."""


@dataclass(frozen=True)
class Plan:
    """Configurations in grid order; the number of each is its place.

    baselines: for each configuration the number of the one that it's compared with. dropped: what was asked
    for and can't be, with the reason. unavailable: the reason for each configuration that only this machine
    lacks something for; it isn't run, and gets a row that says so.
    """

    configurations: tuple[Configuration, ...]
    baselines: tuple[int, ...]
    dropped: tuple[tuple[str, str], ...]
    unavailable: Mapping[int, str]

    def cells(self) -> list[dict[str, str]]:
        """What tells the configurations apart, one line each, all with the same columns."""
        blank = {"family": "", "device": "", **dict.fromkeys(self.knobs(), "")}
        return [{**blank, **configuration.cells()} for configuration in self.configurations]

    def able(self) -> list[Configuration]:
        """Those that can be measured here."""
        return [c for number, c in enumerate(self.configurations) if number not in self.unavailable]

    def knobs(self) -> list[str]:
        """The names of the loader knobs that any configuration has."""
        return list(dict.fromkeys(name for c in self.configurations for name in c.spec.declared_knobs()))
