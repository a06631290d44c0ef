"""SearchSpace: the configurations that a tuning chooses from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from bench.plan.configuration import Configuration
from bench.plan.infeasible import Infeasible


@dataclass(frozen=True)
class SearchSpace:
    """The configurations that a tuning chooses from.

    Attributes:
        configurations: the configurations that fit into the machine; the present one comes first.
        infeasible: those that were left out since they don't fit.
        axes: the values of each knob that were multiplied, as text, for the report.
    """

    configurations: tuple[Configuration, ...]
    infeasible: tuple[Infeasible, ...]
    axes: Mapping[str, tuple[str, ...]]
