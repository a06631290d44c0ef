"""Infeasible: configurations that would not fit into this machine."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Infeasible:
    """Configurations that were left out beforehand, since they would not fit into this machine.

    Attributes:
        names: their names.
        reason: what they would need and what there is, in one line.
    """

    names: tuple[str, ...]
    reason: str
