"""Truth: what bounds a planted training, by its plan."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from bench.analysis.explanation.explanation import Cause
from bench.records.rung_time import ORDER
from bench.validation.diagnosis.epoch_plan import EpochPlan

TRANSFORMS = ("Crop", "Flip", "Colour", "Normalize")
# Cores that planted trainings are planned for.
CORES = 2
# The times that a cause takes. Without the cause they are 0.
TIMES = {
    Cause.START_UP: ("start_ms", "open_ms", "worker_ms", "import_ms"),
    Cause.FETCH: ("fetch_ms",),
    Cause.TRANSFORM: ("transform_ms",),
    Cause.COLLATE: ("collate_ms",),
    Cause.TRANSPORT: ("unpickle_ms", "payload_mb"),
    Cause.TRANSFER: ("transfer_ms",),
    Cause.STEP: ("step_ms", "transfer_ms"),
    Cause.STRAGGLERS: ("slow_ms",),
}
# In a loader's own training the transfer is no part of the step.
STEP_ALONE = ("step_ms",)


@dataclass(frozen=True)
class Truth:
    """Cause that bounds a planted training. It is the step only where nothing else costs much.

    Attributes:
        cause: the cause that was planted.
        also: causes that may rightly be named in its place, each with the reason why they are alike here.
        helps: kind of an advice that must be given, such as `workers`; empty for none.
        gains_nothing: whether no advice may promise a gain.
        is_sampler: whether the samples are slow to be named, not to be fetched.
    """

    cause: Cause
    also: Mapping[Cause, str] = field(default_factory=dict)
    helps: str = ""
    gains_nothing: bool = False
    is_sampler: bool = False

    def name_stage(self, plan: EpochPlan) -> str:
        """Return the name of the slow transform, or `order` for a slow sampler; else an empty text."""
        if self.is_sampler:
            return ORDER
        return TRANSFORMS[plan.slow_transform - 1] if self.cause is Cause.TRANSFORM else ""

    def find_share(self, plan: EpochPlan, *, is_script: bool = False) -> float:
        """Return the share of the planned epoch that the cause costs.

        Args:
            plan: the planned epoch.
            is_script: whether the transfer is a part of the loop's body, as in a script.
        """
        if self.is_sampler:
            return plan.share_without(replace(plan, order_ms=0.0))
        return find_share(plan, self.cause, is_script=is_script)


def find_share(plan: EpochPlan, cause: Cause, *, is_script: bool = False) -> float:
    """Return the share of a planned epoch that would be saved without a cause.

    Too few workers: with one more, or as many as there are cores. Too many: with as few as is best, or with
    one thread of torch.

    Args:
        plan: the planned epoch.
        cause: the cause.
        is_script: whether the transfer is a part of the loop's body.
    """
    return max([0.0, *(plan.share_without(better) for better in _list_better(plan, cause, is_script))])


def _list_better(plan: EpochPlan, cause: Cause, is_script: bool) -> list[EpochPlan]:
    """Return the plans without a cause; none for a cause that costs nothing."""
    if cause is Cause.FEW_WORKERS:
        return [replace(plan, num_workers=max(plan.num_workers + 1, CORES))]
    if cause is Cause.MANY_WORKERS:
        fewer_workers = [replace(plan, num_workers=fewer) for fewer in range(1, plan.num_workers)]
        return [*fewer_workers, replace(plan, crowd_ms=0.0)]
    if cause is Cause.STARVED:
        return [replace(plan, cores=CORES)]
    if cause not in TIMES:
        return []
    names = STEP_ALONE if cause is Cause.STEP and not is_script else TIMES[cause]
    without = replace(plan, **dict.fromkeys(names, 0))  # type: ignore[arg-type]
    return [replace(without, persistent=True)] if cause is Cause.START_UP and plan.num_workers else [without]
