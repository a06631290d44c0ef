"""PilotPlans: the changes that an explanation tries in short, made into configurations."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from bench.analysis.evidence import BlockEvidence, LoaderSetup, PilotChange
from bench.analysis.explanation.pilots import choose_pilots
from bench.plan.configuration import Configuration
from bench.plan.offer import Offer
from bench.plan.plan import PlanError
from bench.runner.epoch_cut import EpochCut
from bench.runner.explanation.changed_configuration import change_configuration
from bench.runner.explanation.loader_setup import describe_setup
from bench.trial.workload import Workload


@dataclass(frozen=True)
class PlannedPilot:
    """A change that is tried in short.

    Attributes:
        change: the change.
        configuration: the changed configuration.
        setup: the same, as its analysis needs it.
    """

    change: PilotChange
    configuration: Configuration
    setup: LoaderSetup


@dataclass(frozen=True)
class PilotPlans:
    """Chooses the changes that an explanation tries in short.

    Attributes:
        configuration: the present configuration.
        setup: the same, as its analysis needs it.
        workload: what it trains.
        offer: loaders that serve the workload.
        cut: number of batches of the epochs that are measured.
    """

    configuration: Configuration
    setup: LoaderSetup
    workload: Workload
    offer: Offer
    cut: EpochCut

    def list_for(self, block: BlockEvidence) -> Iterator[PlannedPilot]:
        """Yield the changes that the first block suggests and that can be made here.

        Args:
            block: what the block has shown so far.
        """
        for change in choose_pilots(self.setup, block):
            try:
                changed = change_configuration(
                    self.configuration, self.offer, change.family, dict(change.knobs)
                )
            except PlanError:
                continue
            if changed != self.configuration:
                yield PlannedPilot(change, changed, describe_setup(changed, self.workload, self.cut))
