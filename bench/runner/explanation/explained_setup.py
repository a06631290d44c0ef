"""ExplainedSetup: a configuration that was explained, ready to be measured again with changes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from bench.plan.ceilings import find_ceilings
from bench.plan.configuration import Configuration
from bench.plan.offer import Offer
from bench.plan.plan import Plan
from bench.plan.prepared_sweep import PreparedSweep
from bench.plan.schedule import schedule_runs
from bench.report.progress.sweep_observer import SweepObserver
from bench.report.sweep.conclusion import SweepConclusion
from bench.report.sweep.plan_names import name_configurations
from bench.runner.sweep_session import measure_sweep
from bench.text import format_duration
from bench.trial.workload import Workload


@dataclass(frozen=True)
class KnownChoice:
    """A workload that is in place already, with epochs as long as they were when it was explained.

    Attributes:
        workload: the workload.
        offer: loaders that serve it.
        expected_samples: about how many samples an epoch has.
    """

    workload: Workload
    offer: Offer
    expected_samples: int

    def find(self, notify: object, show: object) -> Workload:
        """Return the workload, whose notices were shown before."""
        del notify, show
        return self.workload


@dataclass(frozen=True)
class ExplainedSetup:
    """A configuration that was explained, ready to be measured again with changes.

    Attributes:
        sweep: the explanation as a sweep of one configuration.
        choice: what it trains.
        trial_s: about how long a trial of the configuration takes, in seconds.
    """

    sweep: PreparedSweep
    choice: KnownChoice
    trial_s: float

    @property
    def configuration(self) -> Configuration:
        """The configuration that was explained."""
        return self.sweep.plan.configurations[0]

    def find_shortage(self, trials: float) -> str:
        """Return that the budget has no time for a block; empty where it has.

        Args:
            trials: length of the block, in trials of the configuration.
        """
        left_s, block_s = self.sweep.options.budget_s, trials * self.trial_s
        if left_s is None or block_s <= left_s:
            return ""
        needed, left = format_duration(block_s), format_duration(left_s)
        return f"a block takes about {needed}, and the budget has {left} left"

    def measure(
        self,
        configurations: Sequence[Configuration],
        name: str,
        observer: SweepObserver,
        *,
        with_ceilings: bool = False,
    ) -> SweepConclusion:
        """Measure configurations in as many blocks as were explained, in a folder below the explanation's.

        Args:
            configurations: the configurations. Those that do other work than the first one are compared with
                themselves.
            name: name of the folder.
            observer: shows the progress.
            with_ceilings: whether the step of each is measured alone, too; default False.

        Raises:
            The errors of `measure_sweep`.
        """
        first = configurations[0].comparison
        baselines = tuple(0 if one.comparison == first else n for n, one in enumerate(configurations))
        plan = Plan(tuple(configurations), baselines, (), {})
        ceilings: Mapping[Configuration, frozenset[int]] = find_ceilings(plan) if with_ceilings else {}
        sweep = replace(
            self.sweep,
            plan=plan,
            names=tuple(name_configurations(plan, twins=False)),
            runs=tuple(schedule_runs(plan, ceilings, self.sweep.options.schedule.epochs)),
            folder=self.sweep.folder / name,
            # No options of the command measure these configurations.
            options=replace(self.sweep.options, config=""),
        )
        # Only the progress is shown.
        return measure_sweep(sweep, self.choice, SweepObserver(observer.console))
