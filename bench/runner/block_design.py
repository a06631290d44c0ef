"""BlockDesign: everything that a sweep measures, and how it is spread over blocks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from bench.plan.plan import Plan
from bench.plan.schedule import Schedule, ScheduledRun
from bench.trial.trial import Trial
from bench.trial.workload import Workload


@dataclass(frozen=True)
class BlockDesign:
    """A randomised block design: every block holds each run once, in shuffled order.

    Attributes:
        plan: the configurations that were asked for.
        runs: content of a full block: the configurations that can run here, and the ceilings.
        schedule: number of blocks and epochs, seed.
        workload: what all of them train.
        repeats: whether epochs are run once more for their audit; default True.
    """

    plan: Plan
    runs: Sequence[ScheduledRun]
    schedule: Schedule
    workload: Workload
    repeats: bool = True

    def make_trial(self, run: ScheduledRun, block: int, position: int = 0, attempt: int = 0) -> Trial:
        """Return the trial of a run in a block.

        Args:
            run: a configuration or a ceiling.
            block: number of the block, from 0.
            position: place of the trial in the block, from 0.
            attempt: 1 for the repetition of a disturbed trial, else 0.
        """
        return Trial(
            configuration=run.configuration,
            number=run.number,
            baseline=run.baseline,
            block=block,
            position=position,
            attempt=attempt,
            workload=self.workload,
            epochs=run.epochs,
            # All blocks share the seed, so the audit sees the order of a loader in full only once.
            seed=self.schedule.seed,
            learning_rate=self.schedule.learning_rate,
            audited=run.bounds is None,
            steady_s=self.schedule.steady_s,
            is_repeated=self.repeats,
        )
