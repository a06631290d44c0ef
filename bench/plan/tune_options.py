"""TuneOptions: the order that a tuning carries out."""

from __future__ import annotations

from dataclasses import dataclass

from bench.plan.sweep_options import SweepOptions

# Share by which the fastest may exceed the chosen configuration.
REGRET = 0.03
BUDGET_S = 300.0


@dataclass(frozen=True)
class TuneOptions:
    """The order that a tuning carries out.

    Attributes:
        order: what is tuned, as a sweep has it: the target, its data, the step, the budget and the places.
            Values of knobs in its request are the only ones that are tried of these knobs.
        regret: bound on the regret, as a share, at which the race may stop; default 3%.
        shm_limit: bytes that batches may take in /dev/shm; None for 80% of what is free there.
        exhaustive: whether the whole grid is measured afterwards.
        apply: whether the chosen setting is written into the user's file.
        assume_yes: whether it is written without a question.
    """

    order: SweepOptions
    regret: float = REGRET
    shm_limit: int | None = None
    exhaustive: bool = False
    apply: bool = False
    assume_yes: bool = False
