"""ExplainOptions: the order that an explanation carries out."""

from __future__ import annotations

from dataclasses import dataclass

from bench.plan.sweep_options import SweepOptions


@dataclass(frozen=True)
class ExplainOptions:
    """The order that an explanation carries out.

    Attributes:
        order: the single configuration, its data, the number of blocks, and places, as a sweep has them.
        verify: whether each change that is advised is made and measured.
        check: whether the break-even step times are run.
    """

    order: SweepOptions
    verify: bool = False
    check: bool = False
